//! Orders that nobody pays end, but never over money that is on its way.

use proto::lyceum::payments::v1::{order::State, payment};
use uuid::Uuid;

use crate::{
    bank::Fault,
    helpers::{DAY, World, key, minutes, reason},
};

#[tokio::test]
async fn an_unpaid_order_expires_after_its_time_and_a_grace() {
    let world = World::new().await;
    let (buyer, product) = (Uuid::new_v4(), world.product(149_000).await);
    let order = world.order(buyer, &product).await;
    world.tick(DAY).await;
    assert_eq!(world.state(buyer, &order).await, State::Placed, "whoever started in time may finish");
    assert_eq!(reason(world.try_pay(buyer, &order, &key()).await), "ORDER_NOT_PAYABLE", "but nobody may start");
    world.tick(minutes(15)).await;
    let expired = world.look(buyer, &order).await;
    assert_eq!(expired.state(), State::Expired);
    assert!(expired.ended_at.is_some());
}

#[tokio::test]
async fn the_bank_is_asked_before_an_order_expires() {
    let world = World::new().await;
    let (buyer, product) = (Uuid::new_v4(), world.product(149_000).await);
    let order = world.order(buyer, &product).await;
    let payment = world.pay(buyer, &order).await;
    world.clock.advance(time::Duration::DAY + time::Duration::minutes(15));
    world.bank.happens(&payment.payment_id, "CONFIRMED");
    payments::jobs::expire_orders(&world.app).await.unwrap();
    assert_eq!(world.state(buyer, &order).await, State::Paid);
}

#[tokio::test]
async fn a_success_after_a_failure_that_nobody_notified_is_found_before_the_order_expires() {
    let world = World::new().await;
    let (buyer, product) = (Uuid::new_v4(), world.product(149_000).await);
    let order = world.order(buyer, &product).await;
    let payment = world.pay(buyer, &order).await;
    world.bank.happens(&payment.payment_id, "AUTH_FAIL");
    world.notify(world.bank.notice(&payment.payment_id, "REJECTED")).await;
    assert_eq!(world.payments(buyer, &order).await[0].state(), payment::State::Failed);
    world.bank.happens(&payment.payment_id, "CONFIRMED");
    world.tick(DAY + minutes(15)).await;
    assert_eq!(world.state(buyer, &order).await, State::Paid);
}

#[tokio::test]
async fn while_the_bank_cannot_be_asked_the_order_waits() {
    let world = World::new().await;
    let (buyer, product) = (Uuid::new_v4(), world.product(149_000).await);
    let order = world.order(buyer, &product).await;
    let payment = world.pay(buyer, &order).await;
    world.bank.fault_times("GetState", Fault::Fail, 1_000);
    world.tick(DAY + minutes(15)).await;
    assert_eq!(world.state(buyer, &order).await, State::Placed);
    world.bank.repair();
    world.bank.happens(&payment.payment_id, "DEADLINE_EXPIRED");
    world.tick(minutes(60)).await;
    assert_eq!(world.state(buyer, &order).await, State::Expired);
}

#[tokio::test]
async fn money_for_an_expired_order_goes_back() {
    let world = World::new().await;
    let (buyer, product) = (Uuid::new_v4(), world.product(149_000).await);
    let order = world.order(buyer, &product).await;
    let payment = world.pay(buyer, &order).await;
    world.tick(DAY + minutes(15)).await;
    assert_eq!(world.state(buyer, &order).await, State::Expired);
    world.capture(&payment).await;
    world.tick(minutes(0)).await;
    assert_eq!(world.bank.of(&payment.payment_id).status, "REFUNDED");
    assert_eq!(world.state(buyer, &order).await, State::Expired);
    assert_eq!((world.count("OrderPaid").await, world.entitlements(buyer).await.len()), (0, 0));
}
