//! Giving money back: once, and the access with it.

use proto::lyceum::{
    events::v1::{EntitlementRevoked, OrderRefunded},
    payments::v1::{CreateRefundRequest, entitlement, order::State, payment, refund},
};
use uuid::Uuid;

use crate::{
    bank::Fault,
    helpers::{World, key, keyed, minutes, reason, roubles},
};

#[tokio::test]
async fn a_refund_gives_the_money_back_and_takes_the_access_once() {
    let world = World::new().await;
    let (buyer, product) = (Uuid::new_v4(), world.product(149_000).await);
    let (order, payment) = world.paid(buyer, &product).await;
    let refund = world.refund(&order, &key()).await.unwrap();
    assert_eq!((refund.state(), refund.amount.clone()), (refund::State::Succeeded, Some(roubles(149_000))));

    assert_eq!(world.bank.of(&payment.payment_id).status, "REFUNDED");
    assert_eq!(world.state(buyer, &order).await, State::Refunded);
    assert_eq!(world.payments(buyer, &order).await[0].state(), payment::State::Refunded);
    let entitlements = world.entitlements(buyer).await;
    assert!(
        entitlements
            .iter()
            .all(|e| e.state() == entitlement::State::Revoked && e.revoked_reason.as_deref() == Some("REFUNDED"))
    );
    assert_eq!((world.booked(&order, "captured").await, world.booked(&order, "refunded").await), (149_000, 149_000));

    // The bank says so too, and nothing happens again.
    world.notify(world.bank.notice(&payment.payment_id, "REFUNDED")).await;
    assert_eq!((world.count("OrderRefunded").await, world.count("EntitlementRevoked").await), (1, 2));
    let announced = world.announced().await;
    let refunded = announced.iter().find_map(|event| event.decode::<OrderRefunded>()).unwrap();
    assert_eq!((refunded.refund_id, refunded.amount), (refund.refund_id, Some(roubles(149_000))));
    let revoked = announced.iter().find(|event| event.decode::<EntitlementRevoked>().is_some()).unwrap();
    assert_eq!((revoked.aggregate_version, revoked.actor.clone()), (2, format!("user:{}", world.manager)));
}

#[tokio::test]
async fn an_order_is_refunded_once() {
    let world = World::new().await;
    let (buyer, product, key1) = (Uuid::new_v4(), world.product(149_000).await, key());
    let (order, _) = world.paid(buyer, &product).await;
    let first = world.refund(&order, &key1).await.unwrap();
    let again = world.refund(&order, &key1).await.unwrap();
    assert_eq!(first.refund_id, again.refund_id, "the same key is the same refund");
    assert_eq!(reason(world.refund(&order, &key()).await), "ORDER_NOT_REFUNDABLE");
    assert_eq!(world.bank.calls("Cancel"), 1);
}

#[tokio::test]
async fn two_managers_at_once_refund_once() {
    let world = World::new().await;
    let (buyer, product) = (Uuid::new_v4(), world.product(149_000).await);
    let (order, _) = world.paid(buyer, &product).await;
    let keys: Vec<String> = (0..6).map(|_| key()).collect();
    let answers = futures::future::join_all(keys.iter().map(|key| world.refund(&order, key))).await;
    let (done, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
    assert_eq!(done.len(), 1);
    for refused in refused {
        let reason = reason(refused);
        assert!(["REFUND_IN_PROGRESS", "ORDER_NOT_REFUNDABLE"].contains(&reason.as_str()), "{reason}");
    }
    assert_eq!((world.bank.calls("Cancel"), world.count("OrderRefunded").await), (1, 1));
}

#[tokio::test]
async fn a_lost_answer_to_a_refund_is_asked_for_and_not_repeated() {
    let world = World::new().await;
    let (buyer, product) = (Uuid::new_v4(), world.product(149_000).await);
    let (order, _) = world.paid(buyer, &product).await;
    world.bank.fault("Cancel", Fault::LoseReply);
    let refund = world.refund(&order, &key()).await.unwrap();
    assert_eq!(refund.state(), refund::State::Unknown);
    assert_eq!(world.state(buyer, &order).await, State::Paid, "nobody loses access on a guess");
    assert_eq!(reason(world.refund(&order, &key()).await), "REFUND_IN_PROGRESS");
    world.tick(std::time::Duration::from_secs(3)).await;
    assert_eq!(world.state(buyer, &order).await, State::Refunded);
    assert_eq!((world.bank.calls("Cancel"), world.count("OrderRefunded").await), (1, 1));
}

#[tokio::test]
async fn a_refund_that_the_bank_never_got_is_sent_again() {
    let world = World::new().await;
    let (buyer, product) = (Uuid::new_v4(), world.product(149_000).await);
    let (order, _) = world.paid(buyer, &product).await;
    world.bank.fault("Cancel", Fault::Fail);
    world.refund(&order, &key()).await.unwrap();
    world.tick(std::time::Duration::from_secs(3)).await;
    assert_eq!(world.state(buyer, &order).await, State::Refunded);
    assert_eq!(world.bank.calls("Cancel"), 2);
}

#[tokio::test]
async fn a_refund_that_takes_its_time_is_waited_for() {
    let world = World::new().await;
    let (buyer, product) = (Uuid::new_v4(), world.product(149_000).await);
    let (order, payment) = world.paid(buyer, &product).await;
    world.bank.fault("Cancel", Fault::Slowly);
    assert_eq!(world.refund(&order, &key()).await.unwrap().state(), refund::State::Pending);
    world.tick(minutes(1)).await;
    assert_eq!(world.state(buyer, &order).await, State::Paid);
    world.bank.happens(&payment.payment_id, "REFUNDED");
    world.notify(world.bank.notice(&payment.payment_id, "REFUNDED")).await;
    assert_eq!(world.state(buyer, &order).await, State::Refunded);
    assert_eq!(world.refunds(&order).await[0].state(), refund::State::Succeeded);
    assert_eq!(world.bank.calls("Cancel"), 1);
}

#[tokio::test]
async fn a_refund_that_the_bank_refuses_fails_and_may_be_asked_for_again() {
    let world = World::new().await;
    let (buyer, product) = (Uuid::new_v4(), world.product(149_000).await);
    let (order, _) = world.paid(buyer, &product).await;
    world.bank.fault("Cancel", Fault::Refuse("1005"));
    let failed = world.refund(&order, &key()).await.unwrap();
    assert_eq!((failed.state(), failed.failure_reason.as_deref()), (refund::State::Failed, Some("ISSUER_REFUSED")));
    assert_eq!(world.state(buyer, &order).await, State::Paid);
    assert_eq!(world.entitlements(buyer).await[0].state(), entitlement::State::Active);
    assert_eq!(world.refund(&order, &key()).await.unwrap().state(), refund::State::Succeeded);
}

#[tokio::test]
async fn money_that_the_bank_gave_back_by_itself_ends_the_order_too() {
    let world = World::new().await;
    let (buyer, product) = (Uuid::new_v4(), world.product(149_000).await);
    let (order, payment) = world.paid(buyer, &product).await;
    world.bank.happens(&payment.payment_id, "REFUNDED");
    world.notify(world.bank.notice(&payment.payment_id, "REFUNDED")).await;
    assert_eq!(world.state(buyer, &order).await, State::Refunded);
    let refunds = world.refunds(&order).await;
    assert_eq!((refunds.len(), refunds[0].cause()), (1, refund::Cause::Provider));
    assert_eq!(world.count("EntitlementRevoked").await, 2);
    assert_eq!(world.booked(&order, "refunded").await, 149_000);
}

#[tokio::test]
async fn only_all_of_a_paid_order_is_refunded() {
    let world = World::new().await;
    let (buyer, product) = (Uuid::new_v4(), world.product(149_000).await);
    let order = world.order(buyer, &product).await;
    assert_eq!(reason(world.refund(&order, &key()).await), "ORDER_NOT_REFUNDABLE");
    let payment = world.pay(buyer, &order).await;
    world.capture(&payment).await;
    let part =
        CreateRefundRequest {
            order_id: order.order_id.clone(), amount: Some(roubles(100)), reason: "Часть".into()
        };
    assert_eq!(reason(world.sales().create_refund(keyed(part.clone(), &key())).await), "REFUND_NOT_WHOLE");
    let whole = CreateRefundRequest { amount: Some(roubles(149_000)), ..part.clone() };
    let without_reason = CreateRefundRequest { reason: " ".into(), ..whole.clone() };
    assert_eq!(reason(world.sales().create_refund(keyed(without_reason, &key())).await), "INVALID");
    assert_eq!(reason(world.sales().create_refund(whole.clone()).await), "INVALID", "a key is required");
    world.sales().create_refund(keyed(whole, &key())).await.unwrap();
}

#[tokio::test]
async fn an_order_that_cost_nothing_is_refunded_at_once() {
    let world = World::new().await;
    let (buyer, product) = (Uuid::new_v4(), world.product(0).await);
    let order = world.order(buyer, &product).await;
    assert_eq!(world.refund(&order, &key()).await.unwrap().state(), refund::State::Succeeded);
    assert_eq!(world.state(buyer, &order).await, State::Refunded);
    assert_eq!((world.count("EntitlementRevoked").await, world.bank.calls("Cancel")), (2, 0));
    assert_eq!(reason(world.refund(&order, &key()).await), "ORDER_NOT_REFUNDABLE");
}

#[tokio::test]
async fn a_refund_needs_the_permission() {
    let world = World::new().await;
    let (buyer, product) = (Uuid::new_v4(), world.product(0).await);
    let order = world.order(buyer, &product).await;
    for (user, permissions) in [(buyer, &[][..]), (Uuid::new_v4(), &["orders.read", "products.edit"])] {
        let request = CreateRefundRequest { order_id: order.order_id.clone(), reason: "Хочу".into(), amount: None };
        let refused = world.sales_of(user, permissions).create_refund(keyed(request, &key())).await.unwrap_err();
        assert_eq!(refused.code(), tonic::Code::PermissionDenied);
    }
}
