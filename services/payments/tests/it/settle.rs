//! Whatever the provider says, however often, late and disordered: an order is paid once.

use proto::lyceum::{
    events::v1::{EntitlementGranted, OrderPaid, PaymentFailed},
    payments::v1::{order::State, payment},
};
use serde_json::json;
use uuid::Uuid;

use crate::{
    bank::Fault,
    helpers::{World, key, minutes, reason, roubles},
};

#[tokio::test]
async fn a_paid_order_opens_what_was_sold_and_says_so() {
    let world = World::new().await;
    let (buyer, product) = (Uuid::new_v4(), world.product(149_001).await);
    let (order, payment) = world.paid(buyer, &product).await;

    let paid = world.look(buyer, &order).await;
    assert_eq!(paid.state(), State::Paid);
    assert!(paid.paid_at.is_some());
    let payments = world.payments(buyer, &order).await;
    assert_eq!(payments[0].state(), payment::State::Succeeded);
    assert_eq!(payments[0].confirmation_url, None, "nobody is sent to pay again");

    let mut entitlements = world.entitlements(buyer).await;
    entitlements.sort_by_key(|entitlement| entitlement.ends_at.map(|end| end.seconds));
    let ends: Vec<_> = entitlements.iter().map(|e| e.ends_at.map(|end| end.seconds)).collect();
    let in_a_month = paid.paid_at.unwrap().seconds + 30 * 86_400;
    assert_eq!(ends, [None, Some(in_a_month)]);

    let announced = world.announced().await;
    let names: Vec<_> = announced.iter().map(|event| event.kind.rsplit('.').next().unwrap()).collect();
    assert_eq!(names, ["OrderPlaced", "OrderPaid", "EntitlementGranted", "EntitlementGranted"]);
    let event = announced[1].decode::<OrderPaid>().unwrap();
    assert_eq!((event.buyer_id, event.total), (buyer.to_string(), Some(roubles(149_001))));
    assert_eq!((announced[1].aggregate_version, announced[1].actor.as_str()), (2, "service:gateway"));
    let granted = announced[2].decode::<EntitlementGranted>().unwrap();
    assert_eq!((granted.learner_id, granted.order_id), (buyer.to_string(), order.order_id.clone()));

    assert_eq!(world.booked(&order, "captured").await, 149_001);
    assert_eq!(world.bank.of(&payment.payment_id).amount, 149_001);
}

#[tokio::test]
async fn twenty_notifications_at_once_settle_once() {
    let world = World::new().await;
    let (buyer, product) = (Uuid::new_v4(), world.product(149_000).await);
    let order = world.order(buyer, &product).await;
    let payment = world.pay(buyer, &order).await;
    world.bank.happens(&payment.payment_id, "CONFIRMED");
    let body = world.bank.notice(&payment.payment_id, "CONFIRMED");
    let replies = futures::future::join_all((0..20).map(|_| world.notify(body.clone()))).await;
    assert!(replies.iter().all(|reply| reply.status == 200));

    assert_eq!(world.state(buyer, &order).await, State::Paid);
    assert_eq!((world.count("OrderPaid").await, world.count("EntitlementGranted").await), (1, 2));
    assert_eq!(world.entitlements(buyer).await.len(), 2);
    assert_eq!(world.booked(&order, "captured").await, 149_000);
    let times: i32 = sqlx::query_scalar("select times from webhooks").fetch_one(&world.db.pool).await.unwrap();
    assert_eq!(times, 20, "every one of them is counted");
}

#[tokio::test]
async fn confirmed_before_authorized_is_paid_once() {
    let world = World::new().await;
    let (buyer, product) = (Uuid::new_v4(), world.product(149_000).await);
    let order = world.order(buyer, &product).await;
    let payment = world.pay(buyer, &order).await;
    world.capture(&payment).await;
    let late = world.notify(world.bank.notice(&payment.payment_id, "AUTHORIZED")).await;
    assert_eq!(late.status, 200);
    assert_eq!(world.state(buyer, &order).await, State::Paid);
    assert_eq!(world.count("OrderPaid").await, 1);
}

#[tokio::test]
async fn a_late_rejection_does_not_unpay_an_order() {
    let world = World::new().await;
    let (buyer, product) = (Uuid::new_v4(), world.product(149_000).await);
    let (order, payment) = world.paid(buyer, &product).await;
    // Even if the bank itself were confused for a moment.
    world.bank.happens(&payment.payment_id, "REJECTED");
    let rejected =
        world.bank.notice_with(&payment.payment_id, "REJECTED", json!({"Success": false, "ErrorCode": "1051"}));
    assert_eq!(world.notify(rejected).await.status, 200);
    assert_eq!(world.state(buyer, &order).await, State::Paid);
    assert_eq!(world.payments(buyer, &order).await[0].state(), payment::State::Succeeded);
    assert_eq!(world.count("PaymentFailed").await, 0);
}

#[tokio::test]
async fn a_declined_card_and_then_a_good_one_pay_on_the_same_page() {
    let world = World::new().await;
    let (buyer, product) = (Uuid::new_v4(), world.product(149_000).await);
    let order = world.order(buyer, &product).await;
    let payment = world.pay(buyer, &order).await;
    let no_funds = json!({"Success": false, "ErrorCode": "1051", "Message": "Недостаточно средств"});
    world.bank.happens(&payment.payment_id, "REJECTED");
    world.notify(world.bank.notice_with(&payment.payment_id, "REJECTED", no_funds)).await;

    let failed = &world.payments(buyer, &order).await[0];
    assert_eq!(
        (failed.state(), failed.failure_reason.as_deref()),
        (payment::State::Failed, Some("INSUFFICIENT_FUNDS"))
    );
    assert_eq!(world.state(buyer, &order).await, State::Placed);
    let event = world.announced().await.iter().find_map(|event| event.decode::<PaymentFailed>()).unwrap();
    assert_eq!((event.order_id, event.reason), (order.order_id.clone(), "INSUFFICIENT_FUNDS".into()));

    world.capture(&payment).await;
    assert_eq!(world.state(buyer, &order).await, State::Paid);
    assert_eq!(world.payments(buyer, &order).await[0].state(), payment::State::Succeeded);
}

#[tokio::test]
async fn a_declined_payment_and_then_another_one_pay_the_order() {
    let world = World::new().await;
    let (buyer, product) = (Uuid::new_v4(), world.product(149_000).await);
    let order = world.order(buyer, &product).await;
    let first = world.pay(buyer, &order).await;
    world.bank.happens(&first.payment_id, "REJECTED");
    world.notify(world.bank.notice(&first.payment_id, "REJECTED")).await;
    let second = world.pay(buyer, &order).await;
    assert_ne!(first.payment_id, second.payment_id);
    world.capture(&second).await;
    assert_eq!(world.state(buyer, &order).await, State::Paid);
    let states: Vec<_> = world.payments(buyer, &order).await.iter().map(|payment| payment.state()).collect();
    assert_eq!(states, [payment::State::Succeeded, payment::State::Failed]);
}

#[tokio::test]
async fn another_amount_than_was_asked_for_is_never_a_success() {
    let world = World::new().await;
    let (buyer, product) = (Uuid::new_v4(), world.product(149_000).await);
    let order = world.order(buyer, &product).await;
    let payment = world.pay(buyer, &order).await;
    world.bank.changes(&payment.payment_id, |payment| payment.amount = 100);
    world.capture(&payment).await;
    assert_eq!(world.state(buyer, &order).await, State::Placed);
    assert_eq!(world.payments(buyer, &order).await[0].state(), payment::State::Mismatched);
    assert!(world.entitlements(buyer).await.is_empty());
    // And it stays so, whatever is said later.
    world.bank.changes(&payment.payment_id, |payment| payment.amount = 149_000);
    world.notify(world.bank.notice(&payment.payment_id, "AUTHORIZED")).await;
    assert_eq!(world.state(buyer, &order).await, State::Placed);
}

#[tokio::test]
async fn another_shop_or_order_in_the_banks_own_answer_is_never_a_success() {
    for wrong in ["terminal", "order"] {
        let world = World::new().await;
        let (buyer, product) = (Uuid::new_v4(), world.product(149_000).await);
        let order = world.order(buyer, &product).await;
        let payment = world.pay(buyer, &order).await;
        let notice = world.bank.notice(&payment.payment_id, "CONFIRMED");
        world.bank.changes(&payment.payment_id, |known| {
            known.status = "CONFIRMED".into();
            match wrong {
                "terminal" => known.terminal = "1800000000001".into(),
                _ => known.order = Uuid::new_v4().to_string(),
            }
        });
        world.notify(notice).await;
        assert_eq!(world.state(buyer, &order).await, State::Placed, "{wrong}");
        assert_eq!(world.payments(buyer, &order).await[0].state(), payment::State::Mismatched, "{wrong}");
    }
}

#[tokio::test]
async fn a_notification_is_a_hint_and_the_banks_state_decides() {
    let world = World::new().await;
    let (buyer, product) = (Uuid::new_v4(), world.product(149_000).await);
    let order = world.order(buyer, &product).await;
    let payment = world.pay(buyer, &order).await;
    // Signed, but not true (any more).
    let reply = world.notify(world.bank.notice(&payment.payment_id, "CONFIRMED")).await;
    assert_eq!(reply.status, 200);
    assert_eq!(world.state(buyer, &order).await, State::Placed);
}

#[tokio::test]
async fn when_the_bank_cannot_be_asked_it_tells_again_and_we_ask_again() {
    let world = World::new().await;
    let (buyer, product) = (Uuid::new_v4(), world.product(149_000).await);
    let order = world.order(buyer, &product).await;
    let payment = world.pay(buyer, &order).await;
    world.bank.happens(&payment.payment_id, "CONFIRMED");
    world.bank.fault("GetState", Fault::Fail);
    let body = world.bank.notice(&payment.payment_id, "CONFIRMED");
    assert_eq!(world.notify(body.clone()).await.status, 503, "not acknowledged");
    assert_eq!(world.state(buyer, &order).await, State::Placed);
    // Nobody tells us again: we ask.
    world.tick(minutes(1)).await;
    assert_eq!(world.state(buyer, &order).await, State::Paid);
    assert_eq!(world.notify(body).await.status, 200);
    assert_eq!(world.count("OrderPaid").await, 1);
}

#[tokio::test]
async fn a_success_that_nobody_notified_is_found_by_asking() {
    let world = World::new().await;
    let (buyer, product) = (Uuid::new_v4(), world.product(149_000).await);
    let order = world.order(buyer, &product).await;
    let payment = world.pay(buyer, &order).await;
    world.bank.happens(&payment.payment_id, "CONFIRMED");
    world.tick(std::time::Duration::from_secs(59)).await;
    assert_eq!((world.bank.calls("GetState"), world.state(buyer, &order).await), (0, State::Placed));
    world.tick(std::time::Duration::from_secs(1)).await;
    assert_eq!(world.state(buyer, &order).await, State::Paid);
    world.tick(minutes(600)).await;
    assert_eq!(world.bank.calls("GetState"), 1, "nobody asks about what is settled");
}

#[tokio::test]
async fn a_page_that_stays_open_is_asked_about_less_and_less_often() {
    let world = World::new().await;
    let (buyer, product) = (Uuid::new_v4(), world.product(149_000).await);
    let order = world.order(buyer, &product).await;
    world.pay(buyer, &order).await;
    let mut asked = vec![];
    for minute in 1..=30 {
        let before = world.bank.calls("GetState");
        world.tick(minutes(1)).await;
        if world.bank.calls("GetState") > before {
            asked.push(minute);
        }
    }
    assert_eq!(asked, [1, 3, 8, 23]);
}

#[tokio::test]
async fn a_page_that_ran_out_fails_the_payment_but_not_the_order() {
    let world = World::new().await;
    let (buyer, product) = (Uuid::new_v4(), world.product(149_000).await);
    let order = world.order(buyer, &product).await;
    let payment = world.pay(buyer, &order).await;
    world.bank.happens(&payment.payment_id, "DEADLINE_EXPIRED");
    world.tick(minutes(1)).await;
    let failed = &world.payments(buyer, &order).await[0];
    assert_eq!((failed.state(), failed.failure_reason.as_deref()), (payment::State::Failed, Some("PAGE_EXPIRED")));
    assert_eq!(world.state(buyer, &order).await, State::Placed);
}

#[tokio::test]
async fn a_paid_order_takes_no_more_payments() {
    let world = World::new().await;
    let (buyer, product) = (Uuid::new_v4(), world.product(149_000).await);
    let (order, _) = world.paid(buyer, &product).await;
    assert_eq!(reason(world.try_pay(buyer, &order, &key()).await), "ORDER_NOT_PAYABLE");
    assert_eq!(world.bank.payments(), 1);
}
