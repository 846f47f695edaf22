//! Starting a payment: what is sent to the bank, and what happens when its answer does not come.

use proto::lyceum::payments::v1::{PayOrderRequest, order::State, payment};
use uuid::Uuid;

use crate::{
    bank::{Bank, Fault},
    helpers::{World, key, keyed, minutes, reason, tbank},
};

#[tokio::test]
async fn the_bank_gets_the_attempts_id_and_a_deadline() {
    let world = World::new().await;
    let (buyer, product) = (Uuid::new_v4(), world.product(149_000).await);
    let order = world.order(buyer, &product).await;
    let request = PayOrderRequest {
        order_id: order.order_id.clone(),
        success_url: Some("https://school.test/paid?o=1".into()),
        fail_url: Some("https://school.test/failed".into()),
        ..PayOrderRequest::default()
    };
    let payment = world.orders(buyer).pay_order(keyed(request, &key())).await.unwrap().into_inner();
    assert_eq!(payment.state(), payment::State::Pending);
    let known = world.bank.of(&payment.payment_id);
    assert_eq!(payment.confirmation_url, Some(format!("https://bank.test/pay/{}", known.id)));
    let sent = known.init;
    assert_eq!(sent["Amount"], 149_000);
    assert_eq!(sent["PayType"], "O");
    assert_eq!(sent["RedirectDueDate"], "2026-03-03T12:00:00+03:00", "when the order expires");
    assert_eq!(sent["SuccessURL"], "https://school.test/paid?o=1");
    assert_eq!(sent["NotificationURL"], "https://school.test/hooks/tbank");
    assert_eq!(sent["Description"], format!("Заказ {}: Кройка и шитьё", order.number));
    assert!(!sent.contains_key("CustomerKey"), "the bank learns nothing about the buyer");
}

#[tokio::test]
async fn payers_are_sent_back_to_our_own_pages_only() {
    let world = World::new().await;
    let (buyer, product) = (Uuid::new_v4(), world.product(149_000).await);
    let order = world.order(buyer, &product).await;
    let request = PayOrderRequest {
        order_id: order.order_id.clone(),
        success_url: Some("https://evil.test/".into()),
        ..PayOrderRequest::default()
    };
    let refused = world.orders(buyer).pay_order(keyed(request, &key())).await.unwrap_err();
    let problem = rpc::Problem::from(&refused);
    assert_eq!(problem.violations[0].field, "success_url");
    assert_eq!(world.bank.payments(), 0);
}

#[tokio::test]
async fn the_same_key_gives_the_same_payment() {
    let world = World::new().await;
    let (buyer, product, key) = (Uuid::new_v4(), world.product(149_000).await, key());
    let order = world.order(buyer, &product).await;
    let first = world.try_pay(buyer, &order, &key).await.unwrap();
    let again = world.try_pay(buyer, &order, &key).await.unwrap();
    assert_eq!((&first.payment_id, &first.confirmation_url), (&again.payment_id, &again.confirmation_url));
    assert_eq!(world.bank.payments(), 1);
}

#[tokio::test]
async fn a_lost_answer_is_unknown_until_the_bank_is_asked_and_blocks_another_payment() {
    let world = World::new().await;
    let (buyer, product) = (Uuid::new_v4(), world.product(149_000).await);
    let order = world.order(buyer, &product).await;
    world.bank.fault("Init", Fault::LoseReply);
    let lost = world.pay(buyer, &order).await;
    assert_eq!((lost.state(), lost.confirmation_url), (payment::State::Unknown, None));
    assert_eq!(reason(world.try_pay(buyer, &order, &key()).await), "PAYMENT_UNRESOLVED");
    assert_eq!(world.bank.payments(), 1);

    world.tick(std::time::Duration::from_secs(3)).await;
    assert_eq!(world.bank.calls("CheckOrder"), 1);
    let known = &world.payments(buyer, &order).await[0];
    assert_eq!((known.state(), known.failure_reason.as_deref()), (payment::State::Failed, Some("PAGE_LOST")));
    let second = world.pay(buyer, &order).await;
    world.capture(&second).await;
    assert_eq!(world.state(buyer, &order).await, State::Paid);
}

#[tokio::test]
async fn a_payment_whose_start_was_lost_may_turn_out_to_be_paid() {
    let world = World::new().await;
    let (buyer, product) = (Uuid::new_v4(), world.product(149_000).await);
    let order = world.order(buyer, &product).await;
    world.bank.fault("Init", Fault::LoseReply);
    let lost = world.pay(buyer, &order).await;
    world.capture(&lost).await;
    assert_eq!(world.state(buyer, &order).await, State::Paid);
    assert_eq!(world.bank.calls("GetState"), 1, "the notification told the bank's id");
}

#[tokio::test]
async fn a_bank_that_never_got_it_is_believed_after_a_while() {
    let world = World::new().await;
    let (buyer, product) = (Uuid::new_v4(), world.product(149_000).await);
    let order = world.order(buyer, &product).await;
    world.bank.fault("Init", Fault::Fail);
    world.pay(buyer, &order).await;
    world.tick(std::time::Duration::from_secs(3)).await;
    assert_eq!(world.payments(buyer, &order).await[0].state(), payment::State::Unknown, "it may be on its way");
    world.tick(minutes(2)).await;
    let failed = &world.payments(buyer, &order).await[0];
    assert_eq!((failed.state(), failed.failure_reason.as_deref()), (payment::State::Failed, Some("NOT_STARTED")));
    world.pay(buyer, &order).await;
    assert_eq!(world.bank.payments(), 1);
}

#[tokio::test]
async fn a_bank_that_is_not_there_refuses_with_503_and_does_not_burn_the_key() {
    let bank = Bank::open().await;
    // Nobody listens on port 9 of this machine.
    let world = World::with(bank, "http://127.0.0.1:9/v2/").await;
    let (buyer, product, key) = (Uuid::new_v4(), world.product(149_000).await, key());
    let order = world.order(buyer, &product).await;
    let refused = world.try_pay(buyer, &order, &key).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::Unavailable);
    assert!(rpc::Problem::from(&refused).retry_after.is_some());
    assert_eq!(reason(world.try_pay(buyer, &order, &key).await), "PROVIDER_UNAVAILABLE");
    assert_eq!(world.count("PaymentFailed").await, 0);

    // The bank comes back: the same key starts the same payment.
    let providers = payments::provider::Providers::new(std::sync::Arc::new(tbank(&world.bank.url())));
    let app = payments::app::App {
        db: world.app.db.clone(),
        clock: world.app.clock.clone(),
        providers,
        rules: world.app.rules.clone(),
    };
    let door = testkit::serve(payments::grpc::routes(std::sync::Arc::new(app)), world.fleet.layer()).await;
    let world = World { door, ..world };
    let started = world.try_pay(buyer, &order, &key).await.unwrap();
    assert_eq!(started.state(), payment::State::Pending);
    assert_eq!((world.payments(buyer, &order).await.len(), world.bank.payments()), (1, 1));
}

#[tokio::test]
async fn a_refusal_of_the_bank_has_our_name() {
    let world = World::new().await;
    let (buyer, product) = (Uuid::new_v4(), world.product(149_000).await);
    let order = world.order(buyer, &product).await;
    for (code, named) in [("202", "SHOP_SETUP"), ("9999", "PROVIDER_TROUBLE"), ("1061", "LIMIT_EXCEEDED")] {
        world.bank.fault("Init", Fault::Refuse(code));
        let failed = world.pay(buyer, &order).await;
        assert_eq!((failed.state(), failed.failure_reason.as_deref()), (payment::State::Failed, Some(named)));
    }
    assert_eq!(world.count("PaymentFailed").await, 3);
}

#[tokio::test]
async fn a_process_that_died_during_the_call_leaves_a_payment_that_is_asked_about() {
    let world = World::new().await;
    let (buyer, product) = (Uuid::new_v4(), world.product(149_000).await);
    let order = world.order(buyer, &product).await;
    let payment = world.pay(buyer, &order).await;
    // As if the answer had never been written down.
    sqlx::query("update attempts set state = 'created', page = null, payment = null")
        .execute(&world.db.pool)
        .await
        .unwrap();
    world.bank.happens(&payment.payment_id, "CONFIRMED");
    world.tick(minutes(1)).await;
    assert_eq!(world.state(buyer, &order).await, State::Paid);
}

#[tokio::test]
async fn an_amount_that_the_bank_does_not_take_is_refused_before_it_is_asked() {
    let world = World::new().await;
    let (buyer, product) = (Uuid::new_v4(), world.product(99).await);
    let order = world.order(buyer, &product).await;
    assert_eq!(reason(world.try_pay(buyer, &order, &key()).await), "AMOUNT_NOT_ACCEPTED");
    assert_eq!(world.bank.calls("Init"), 0);
}

#[tokio::test]
async fn an_order_takes_a_limited_number_of_payments() {
    let world = World::new().await;
    let (buyer, product) = (Uuid::new_v4(), world.product(149_000).await);
    let order = world.order(buyer, &product).await;
    for _ in 0..20 {
        world.pay(buyer, &order).await;
    }
    assert_eq!(reason(world.try_pay(buyer, &order, &key()).await), "TOO_MANY_PAYMENTS");
}
