//! Money that is not owed goes back by itself.

use proto::lyceum::payments::v1::{CancelOrderRequest, order::State, payment, refund};
use uuid::Uuid;

use crate::{
    bank::Fault,
    helpers::{World, minutes},
};

#[tokio::test]
async fn the_second_payment_of_an_order_goes_back_and_the_access_stays() {
    let world = World::new().await;
    let (buyer, product) = (Uuid::new_v4(), world.product(149_000).await);
    let order = world.order(buyer, &product).await;
    let (first, second) = (world.pay(buyer, &order).await, world.pay(buyer, &order).await);
    world.capture(&second).await;
    world.capture(&first).await;
    assert_eq!(world.state(buyer, &order).await, State::Paid);
    assert_eq!(world.booked(&order, "captured").await, 149_000);
    assert_eq!(world.booked(&order, "overpaid").await, 149_000);

    world.tick(minutes(0)).await;
    assert_eq!(world.bank.of(&first.payment_id).status, "REFUNDED");
    assert_eq!(world.bank.of(&second.payment_id).status, "CONFIRMED");
    let refunds = world.refunds(&order).await;
    assert_eq!(refunds.len(), 1);
    assert_eq!((refunds[0].cause(), refunds[0].state()), (refund::Cause::Overpaid, refund::State::Succeeded));
    assert_eq!(refunds[0].payment_id.as_ref(), Some(&first.payment_id));
    assert_eq!(world.booked(&order, "overpaid_returned").await, 149_000);

    assert_eq!(world.state(buyer, &order).await, State::Paid);
    assert_eq!((world.count("OrderPaid").await, world.count("OrderRefunded").await), (1, 0));
    assert_eq!(world.count("EntitlementRevoked").await, 0);
    let states: Vec<_> = world.payments(buyer, &order).await.iter().map(|payment| payment.state()).collect();
    assert_eq!(states, [payment::State::Succeeded, payment::State::Refunded]);
}

#[tokio::test]
async fn both_payments_captured_at_once_settle_one_and_return_one() {
    let world = World::new().await;
    let (buyer, product) = (Uuid::new_v4(), world.product(149_000).await);
    let order = world.order(buyer, &product).await;
    let (first, second) = (world.pay(buyer, &order).await, world.pay(buyer, &order).await);
    futures::join!(world.capture(&first), world.capture(&second));
    world.tick(minutes(0)).await;
    let mut statuses = [&first, &second].map(|payment| world.bank.of(&payment.payment_id).status);
    statuses.sort();
    assert_eq!(statuses, ["CONFIRMED", "REFUNDED"]);
    assert_eq!((world.count("OrderPaid").await, world.entitlements(buyer).await.len()), (1, 2));
}

#[tokio::test]
async fn money_for_a_cancelled_order_goes_back() {
    let world = World::new().await;
    let (buyer, product) = (Uuid::new_v4(), world.product(149_000).await);
    let order = world.order(buyer, &product).await;
    let payment = world.pay(buyer, &order).await;
    world.orders(buyer).cancel_order(CancelOrderRequest { order_id: order.order_id.clone() }).await.unwrap();
    world.capture(&payment).await;
    world.tick(minutes(0)).await;
    assert_eq!(world.state(buyer, &order).await, State::Cancelled);
    assert_eq!(world.bank.of(&payment.payment_id).status, "REFUNDED");
    assert!(world.entitlements(buyer).await.is_empty());
}

#[tokio::test]
async fn an_order_that_was_paid_after_all_is_not_cancelled() {
    let world = World::new().await;
    let (buyer, product) = (Uuid::new_v4(), world.product(149_000).await);
    let order = world.order(buyer, &product).await;
    let payment = world.pay(buyer, &order).await;
    world.bank.happens(&payment.payment_id, "CONFIRMED");
    let request = CancelOrderRequest { order_id: order.order_id.clone() };
    let refused = world.orders(buyer).cancel_order(request).await;
    assert_eq!(crate::helpers::reason(refused), "ORDER_NOT_CANCELLABLE");
    assert_eq!(world.state(buyer, &order).await, State::Paid);
}

#[tokio::test]
async fn what_the_bank_refuses_to_take_back_is_sent_until_it_does() {
    let world = World::new().await;
    let (buyer, product) = (Uuid::new_v4(), world.product(149_000).await);
    let order = world.order(buyer, &product).await;
    let (first, second) = (world.pay(buyer, &order).await, world.pay(buyer, &order).await);
    world.capture(&first).await;
    world.capture(&second).await;
    world.bank.fault("Cancel", Fault::Refuse("1005"));
    world.tick(minutes(0)).await;
    assert_eq!(world.refunds(&order).await[0].state(), refund::State::Pending);
    world.tick(minutes(60)).await;
    assert_eq!(world.refunds(&order).await[0].state(), refund::State::Succeeded);
    assert_eq!(world.bank.of(&second.payment_id).status, "REFUNDED");
}
