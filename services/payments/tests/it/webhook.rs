//! The raw door: what is not the bank's changes nothing but the record of it.

use proto::lyceum::payments::v1::{Order, Payment, ReceiveWebhookRequest, ReceiveWebhookResponse, order::State};
use serde_json::json;
use uuid::Uuid;

use crate::{
    bank::{TERMINAL, signed},
    helpers::World,
};

async fn pending() -> (World, Uuid, Order, Payment) {
    let world = World::new().await;
    let (buyer, product) = (Uuid::new_v4(), world.product(149_000).await);
    let order = world.order(buyer, &product).await;
    let payment = world.pay(buyer, &order).await;
    world.bank.happens(&payment.payment_id, "CONFIRMED");
    (world, buyer, order, payment)
}

async fn verdicts(world: &World) -> Vec<(String, i32)> {
    sqlx::query_as("select verdict, times from webhooks order by webhook_id").fetch_all(&world.db.pool).await.unwrap()
}

#[track_caller]
fn is_bare(reply: &ReceiveWebhookResponse, status: i32) {
    assert_eq!((reply.status, reply.body.len()), (status, 0), "no detail for strangers");
}

#[tokio::test]
async fn a_forged_notification_is_refused_and_changes_nothing() {
    let (world, buyer, order, payment) = pending().await;
    let genuine = String::from_utf8(world.bank.notice(&payment.payment_id, "CONFIRMED")).unwrap();
    let tampered = genuine.replace("\"CONFIRMED\"", "\"REFUNDED\"");
    let unsigned =
        json!({"TerminalKey": TERMINAL, "OrderId": payment.payment_id, "Status": "CONFIRMED", "PaymentId": 1});
    for body in [tampered.into_bytes(), unsigned.to_string().into_bytes()] {
        is_bare(&world.notify(body.clone()).await, 403);
        is_bare(&world.notify(body).await, 403);
    }
    for body in [b"".to_vec(), b"OK".to_vec(), b"[1]".to_vec(), vec![0xff; 16]] {
        is_bare(&world.notify(body).await, 400);
    }
    assert_eq!(world.state(buyer, &order).await, State::Placed);
    assert_eq!(world.bank.calls("GetState"), 0, "the bank is not bothered by strangers");
    let seen = verdicts(&world).await;
    assert_eq!(seen[..2], [("forged".into(), 2), ("forged".into(), 2)]);
    assert!(seen[2..].iter().all(|(verdict, _)| verdict == "malformed"));
}

#[tokio::test]
async fn a_field_that_is_newer_than_we_are_counts_in_the_signature() {
    let (world, buyer, order, payment) = pending().await;
    let newer = world.bank.notice_with(&payment.payment_id, "CONFIRMED", json!({"InvoiceKind": "x", "Fee": 100}));
    assert_eq!(world.notify(newer).await.status, 200);
    assert_eq!(world.state(buyer, &order).await, State::Paid);
}

#[tokio::test]
async fn a_notification_for_another_terminal_is_refused() {
    let (world, buyer, order, payment) = pending().await;
    let foreign = world.bank.notice_with(&payment.payment_id, "CONFIRMED", json!({"TerminalKey": "1800000000001"}));
    is_bare(&world.notify(foreign).await, 403);
    assert_eq!(world.state(buyer, &order).await, State::Placed);
    assert_eq!(verdicts(&world).await, [("foreign_shop".into(), 1)]);
}

#[tokio::test]
async fn a_genuine_notification_about_nothing_of_ours_is_acknowledged() {
    let (world, ..) = pending().await;
    let fields = |order: &str| json!({"TerminalKey": TERMINAL, "OrderId": order, "Status": "CONFIRMED", "PaymentId": 7, "Amount": 1});
    let receipt =
        json!({"TerminalKey": TERMINAL, "OrderId": "x", "Status": "RECEIPT", "PaymentId": 7, "FiscalNumber": 1});
    for genuine in [fields("order-of-our-former-shop"), fields(&Uuid::new_v4().to_string()), receipt] {
        let reply = world.notify(signed(genuine)).await;
        assert_eq!((reply.status, reply.body.as_slice()), (200, b"OK".as_slice()));
    }
    let seen: Vec<_> = verdicts(&world).await.into_iter().map(|(verdict, _)| verdict).collect();
    assert_eq!(seen, ["unknown_payment", "unknown_payment", "other"]);
    assert_eq!(world.bank.calls("GetState"), 0);
}

#[tokio::test]
async fn a_repeated_notification_is_counted_and_answered_without_asking_again() {
    let (world, _, _, payment) = pending().await;
    world.capture(&payment).await;
    let asked = world.bank.calls("GetState");
    world.capture(&payment).await;
    assert_eq!(world.bank.calls("GetState"), asked);
    assert_eq!(verdicts(&world).await, [("done".into(), 2)]);
}

#[tokio::test]
async fn an_unknown_provider_and_an_endless_body_are_refused() {
    let (world, ..) = pending().await;
    let unknown = ReceiveWebhookRequest { provider: "nobody".into(), ..ReceiveWebhookRequest::default() };
    is_bare(&world.hooks().receive_webhook(unknown).await.unwrap().into_inner(), 404);
    is_bare(&world.notify(vec![b' '; 65 * 1024]).await, 413);
    assert!(verdicts(&world).await.is_empty());
}

#[tokio::test]
async fn only_services_reach_the_door() {
    let (world, _, _, payment) = pending().await;
    let body = world.bank.notice(&payment.payment_id, "CONFIRMED");
    let request = ReceiveWebhookRequest { provider: "tbank".into(), body, ..ReceiveWebhookRequest::default() };
    let refused = world.hooks_of(world.manager).receive_webhook(request).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::PermissionDenied);
    assert!(verdicts(&world).await.is_empty());
}

#[tokio::test]
async fn bodies_are_forgotten_when_they_are_old() {
    let (world, _, _, payment) = pending().await;
    world.capture(&payment).await;
    world.notify(b"{}".to_vec()).await;
    let kept = async || -> Vec<String> {
        sqlx::query_scalar("select verdict from webhooks where body is not null order by webhook_id")
            .fetch_all(&world.db.pool)
            .await
            .unwrap()
    };
    for (days, expected) in [(6, &["done", "forged"][..]), (2, &["done"]), (90, &[])] {
        world.clock.advance(time::Duration::days(days));
        payments::flows::sweep_webhooks::run(&world.app).await.unwrap();
        assert_eq!(kept().await, expected);
    }
    assert_eq!(verdicts(&world).await, [("done".into(), 1)], "and what was refused is gone");
}
