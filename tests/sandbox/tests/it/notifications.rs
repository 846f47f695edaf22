//! What the shop hears, in good times and with faults.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::eventually;

use super::helpers::{GOOD, PATIENCE, Sandbox, Shop, token};

fn is_signed(notice: &Value) -> bool {
    notice["Token"] == token(notice.as_object().unwrap())
}

/// Pays an order with a fault on its notifications.
async fn paid(shop: &Shop, fault: Value) -> Sandbox {
    let sandbox = Sandbox::start(&[]).await;
    if !fault.is_null() {
        assert!(sandbox.fault(fault).await.is_success());
    }
    let payment = sandbox.init("order-1", shop).await;
    sandbox.pay(&payment, &[("card", GOOD)]).await;
    assert_eq!(sandbox.status(&payment).await, "CONFIRMED");
    sandbox
}

#[tokio::test]
async fn a_paid_order_is_notified_of_with_the_signature_over_every_root_field() {
    let shop = Shop::open().await;
    let _sandbox = paid(&shop, Value::Null).await;
    let notices = shop.hears(2).await;
    let mut statuses = shop.statuses();
    statuses.sort();
    assert_eq!(statuses, ["AUTHORIZED", "CONFIRMED"]);
    for notice in &notices {
        assert!(is_signed(notice), "{notice}");
        assert!(notice["PaymentId"].is_number() && notice["Success"] == true && notice["Amount"] == 149_000);
        assert_eq!((&notice["OrderId"], &notice["Pan"]), (&json!("order-1"), &json!("220138******0013")));
        let mut forged = notice.clone();
        forged["Amount"] = 1.into();
        assert!(!is_signed(&forged));
    }
}

#[tokio::test]
async fn what_is_not_answered_with_exactly_ok_is_repeated_until_it_is() {
    let shop = Shop::reluctant(3).await;
    let sandbox = paid(&shop, Value::Null).await;
    shop.hears(5).await;
    eventually("both are accepted", PATIENCE, async || {
        let report = sandbox.get("/control/tbank").await;
        let notices = report["notifications"].as_array().unwrap();
        (notices.iter().filter(|notice| notice["accepted"] == true).count() == 2).then_some(())
    })
    .await;
    assert_eq!(shop.notices().len(), 5);
}

#[tokio::test]
async fn notifications_come_twice() {
    let shop = Shop::open().await;
    let _sandbox = paid(&shop, json!({ "on": "tbank.notification", "kind": "twice" })).await;
    shop.hears(4).await;
    let mut statuses = shop.statuses();
    statuses.sort();
    assert_eq!(statuses, ["AUTHORIZED", "AUTHORIZED", "CONFIRMED", "CONFIRMED"]);
}

#[tokio::test]
async fn notifications_come_in_the_wrong_order() {
    let shop = Shop::open().await;
    let _sandbox = paid(&shop, json!({ "on": "tbank.notification", "kind": "out-of-order" })).await;
    shop.hears(2).await;
    assert_eq!(shop.statuses(), ["CONFIRMED", "AUTHORIZED"]);
}

#[tokio::test]
async fn notifications_come_late_and_the_payer_does_not_wait() {
    let shop = Shop::open().await;
    let begun = Instant::now();
    let fault = json!({ "on": "tbank.notification", "kind": "late", "delayMs": 700, "containing": "order-1" });
    let _sandbox = paid(&shop, fault).await;
    assert!(shop.notices().is_empty());
    shop.hears(2).await;
    assert!(begun.elapsed() >= Duration::from_millis(700));
}

#[tokio::test]
async fn notifications_never_come() {
    let shop = Shop::open().await;
    let sandbox = paid(&shop, json!({ "on": "tbank.notification", "kind": "never" })).await;
    // The next payment's notifications prove that those of the first would have come by now.
    let second = sandbox.init("order-2", &shop).await;
    sandbox.pay(&second, &[("card", GOOD)]).await;
    shop.hears(2).await;
    assert!(shop.notices().iter().all(|notice| notice["OrderId"] == "order-2"));
}

#[tokio::test]
async fn a_forged_notification_is_followed_by_a_good_one_when_the_shop_refuses_it() {
    let shop = Shop::reluctant(2).await;
    let _sandbox = paid(&shop, json!({ "on": "tbank.notification", "kind": "bad-signature" })).await;
    let notices = shop.hears(4).await;
    assert!(notices[..2].iter().all(|notice| !is_signed(notice)));
    assert!(notices[2..].iter().all(is_signed));
}

#[tokio::test]
async fn a_reset_stops_the_repetitions() {
    let shop = Shop::reluctant(u32::MAX).await;
    let sandbox = paid(&shop, Value::Null).await;
    shop.hears(4).await;
    sandbox.delete("/control/tbank").await;
    // A late notification is a clock: when it comes, many repetitions would have come as well.
    let quiet = Shop::open().await;
    sandbox.fault(json!({ "on": "tbank.notification", "kind": "late", "delayMs": 400 })).await;
    let second = sandbox.init("order-2", &quiet).await;
    sandbox.pay(&second, &[("card", GOOD)]).await;
    let before = shop.notices().len();
    quiet.hears(2).await;
    // One that was on its way may still have arrived for either status.
    assert!(shop.notices().len() <= before + 2, "{before} and then {}", shop.notices().len());
}
