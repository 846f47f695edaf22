//! The bank's API and its payment page.

use reqwest::StatusCode;
use serde_json::json;

use super::helpers::{CHALLENGE, GOOD, NO_FUNDS, Sandbox, Shop, TERMINAL, wanted};

#[tokio::test]
async fn a_payer_is_shown_the_cards_and_led_back_to_the_shop_once_it_has_heard() {
    let (sandbox, shop) = (Sandbox::start(&[]).await, Shop::open().await);
    let payment = sandbox.init("order-1", &shop).await;
    assert_eq!((&payment["Status"], &payment["ErrorCode"]), (&json!("NEW"), &json!("0")));

    let page = sandbox.client.get(payment["PaymentURL"].as_str().unwrap()).send().await.unwrap().text().await.unwrap();
    assert!(page.contains("1490,00 ₽") && page.contains("Курс «Крой»") && page.contains("order-1"), "{page}");
    assert_eq!(page.matches("type=\"radio\"").count(), 7);
    assert_eq!(sandbox.status(&payment).await, "FORM_SHOWED");

    let answer = sandbox.pay(&payment, &[("card", GOOD)]).await;
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    assert_eq!(answer.headers()["location"], "http://shop.example/ok");
    assert_eq!(shop.notices().len(), 2, "the bank waits for the shop before it lets the payer go");
    assert_eq!(sandbox.status(&payment).await, "CONFIRMED");
    assert_eq!(sandbox.pay(&payment, &[("card", GOOD)]).await.status(), StatusCode::CONFLICT);
}

#[tokio::test]
async fn a_declined_card_is_followed_by_a_good_one_on_the_same_payment() {
    let (sandbox, shop) = (Sandbox::start(&[]).await, Shop::open().await);
    let payment = sandbox.init("order-1", &shop).await;
    let refused = sandbox.pay(&payment, &[("card", NO_FUNDS)]).await;
    assert_eq!(refused.status(), StatusCode::PAYMENT_REQUIRED);
    assert!(refused.text().await.unwrap().contains("Недостаточно средств"));
    assert_eq!(sandbox.status(&payment).await, "REJECTED");
    sandbox.pay(&payment, &[("card", GOOD)]).await;
    assert_eq!(sandbox.status(&payment).await, "CONFIRMED");
    assert_eq!(shop.statuses()[0], "REJECTED");
    assert_eq!(shop.notices()[0]["ErrorCode"], "1051");
}

#[tokio::test]
async fn a_challenge_asks_for_the_code_until_it_is_right() {
    let (sandbox, shop) = (Sandbox::start(&[]).await, Shop::open().await);
    let payment = sandbox.init("order-1", &shop).await;
    let asked = sandbox.pay(&payment, &[("card", CHALLENGE)]).await.text().await.unwrap();
    assert!(asked.contains("name=\"code\"") && asked.contains(CHALLENGE), "{asked}");
    assert_eq!(sandbox.status(&payment).await, "3DS_CHECKING");
    let wrong = sandbox.pay(&payment, &[("card", CHALLENGE), ("code", "1234")]).await.text().await.unwrap();
    assert!(wrong.contains("Неверный код"));
    sandbox.pay(&payment, &[("card", CHALLENGE), ("code", "1qwezxc")]).await;
    assert_eq!(sandbox.status(&payment).await, "CONFIRMED");
}

#[tokio::test]
async fn two_stages_are_authorised_and_then_confirmed() {
    let (sandbox, shop) = (Sandbox::start(&[]).await, Shop::open().await);
    let mut fields = wanted("order-1", &shop);
    fields["PayType"] = "T".into();
    let payment = sandbox.call("Init", fields).await;
    sandbox.pay(&payment, &[("card", GOOD)]).await;
    assert_eq!(sandbox.status(&payment).await, "AUTHORIZED");
    let confirmed = sandbox.call("Confirm", json!({ "PaymentId": payment["PaymentId"] })).await;
    assert_eq!(confirmed["Status"], "CONFIRMED");
    shop.hears(2).await;
    assert_eq!(shop.statuses(), ["AUTHORIZED", "CONFIRMED"]);
}

#[tokio::test]
async fn a_refund_that_is_asked_for_twice_is_given_once() {
    let (sandbox, shop) = (Sandbox::start(&[]).await, Shop::open().await);
    let payment = sandbox.init("order-1", &shop).await;
    sandbox.pay(&payment, &[("card", GOOD)]).await;
    let cancel = json!({ "PaymentId": payment["PaymentId"], "ExternalRequestId": "refund-1" });
    let given = sandbox.call("Cancel", cancel.clone()).await;
    assert_eq!(
        (&given["Status"], &given["OriginalAmount"], &given["NewAmount"]),
        (&json!("REFUNDED"), &json!(149_000), &json!(0))
    );
    let again = sandbox.call("Cancel", cancel).await;
    assert_eq!((&again["Success"], &again["Status"]), (&json!(true), &json!("REFUNDED")));
    let more = sandbox.call("Cancel", json!({ "PaymentId": payment["PaymentId"] })).await;
    assert_eq!(more["Success"], false);
    shop.hears(3).await;
    assert_eq!(shop.statuses().iter().filter(|status| *status == "REFUNDED").count(), 1);
}

#[tokio::test]
async fn an_unpaid_payment_is_cancelled_and_takes_no_card_afterwards() {
    let (sandbox, shop) = (Sandbox::start(&[]).await, Shop::open().await);
    let payment = sandbox.init("order-1", &shop).await;
    let given_up = sandbox.call("Cancel", json!({ "PaymentId": payment["PaymentId"], "Amount": 5 })).await;
    assert_eq!((&given_up["Status"], &given_up["NewAmount"]), (&json!("CANCELED"), &json!(0)));
    assert_eq!(sandbox.pay(&payment, &[("card", GOOD)]).await.status(), StatusCode::CONFLICT);
}

#[tokio::test]
async fn what_is_wrong_is_refused_with_the_bank_s_code_under_200() {
    let (sandbox, shop) = (Sandbox::start(&[]).await, Shop::open().await);
    sandbox.init("order-1", &shop).await;
    let with = |name: &str, value: serde_json::Value| {
        let mut fields = wanted("order-2", &shop);
        fields[name] = value;
        fields
    };
    for (method, fields, code) in [
        ("Init", wanted("order-1", &shop), "20"),
        ("Init", with("Amount", json!(99)), "251"),
        ("Init", with("OrderId", json!("x".repeat(37))), "201"),
        ("Init", with("RedirectDueDate", json!("2020-01-01T00:00:00+03:00")), "201"),
        ("Init", with("RedirectDueDate", json!("2999-01-01T00:00:00+03:00")), "201"),
        ("GetState", json!({ "PaymentId": "1" }), "255"),
        ("CheckOrder", json!({ "OrderId": "order-2" }), "255"),
        ("Charge", json!({}), "501"),
    ] {
        let answer = sandbox.call(method, fields).await;
        assert_eq!((&answer["Success"], &answer["ErrorCode"]), (&json!(false), &json!(code)), "{method}: {answer}");
    }
    for (terminal, code) in [(TERMINAL, "204"), ("Somebody", "205")] {
        let stranger = json!({ "TerminalKey": terminal, "PaymentId": "1", "Token": "0".repeat(64) });
        let answer = sandbox.client.post(format!("{}/tbank/v2/GetState", sandbox.url)).json(&stranger).send().await;
        let answer: serde_json::Value = answer.unwrap().json().await.unwrap();
        assert_eq!(answer["ErrorCode"], code);
    }
}

#[tokio::test]
async fn a_terminal_may_allow_repeated_orders() {
    let (sandbox, shop) = (Sandbox::start(&[("SANDBOX_REPEATED_ORDERS", "allow")]).await, Shop::open().await);
    let one = sandbox.init("order-1", &shop).await;
    let other = sandbox.init("order-1", &shop).await;
    assert_ne!(one["PaymentId"], other["PaymentId"]);
    let found = sandbox.call("CheckOrder", json!({ "OrderId": "order-1" })).await;
    assert_eq!(found["Payments"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn an_init_whose_answer_was_lost_is_found_and_one_that_failed_is_not() {
    let (sandbox, shop) = (Sandbox::start(&[]).await, Shop::open().await);
    sandbox.fault(json!({ "on": "tbank.Init", "kind": "drop-reply", "containing": "order-1" })).await;
    sandbox.fault(json!({ "on": "tbank.Init", "kind": "500", "containing": "order-2" })).await;
    assert_eq!(sandbox.try_call("Init", wanted("order-1", &shop)).await, None);
    let found = sandbox.call("CheckOrder", json!({ "OrderId": "order-1" })).await;
    assert_eq!(found["Payments"][0]["Status"], "NEW");

    let (status, _) = sandbox.try_call("Init", wanted("order-2", &shop)).await.unwrap();
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(sandbox.call("CheckOrder", json!({ "OrderId": "order-2" })).await["ErrorCode"], "255");
    sandbox.init("order-2", &shop).await;
}

#[tokio::test]
async fn a_slow_answer_comes_in_the_end() {
    let (sandbox, shop) = (Sandbox::start(&[]).await, Shop::open().await);
    let payment = sandbox.init("order-1", &shop).await;
    sandbox.fault(json!({ "on": "tbank.GetState", "kind": "slow", "delayMs": 300 })).await;
    let begun = std::time::Instant::now();
    assert_eq!(sandbox.status(&payment).await, "NEW");
    assert!(begun.elapsed().as_millis() >= 300);
}

#[tokio::test]
async fn faults_are_listed_cleared_and_refused_where_they_cannot_happen() {
    let sandbox = Sandbox::start(&[]).await;
    assert_eq!(sandbox.fault(json!({ "on": "smtp", "kind": "never" })).await, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(sandbox.fault(json!({ "on": "tbank.Cancel", "kind": "slow", "count": 3 })).await, StatusCode::CREATED);
    assert_eq!(sandbox.get("/control/faults").await[0]["count"], 3);
    sandbox.delete("/control/faults").await;
    assert_eq!(sandbox.get("/control/faults").await, json!([]));
}

#[tokio::test]
async fn after_a_reset_the_bank_knows_nothing_and_gives_no_number_twice() {
    let (sandbox, shop) = (Sandbox::start(&[]).await, Shop::open().await);
    let before = sandbox.init("order-1", &shop).await;
    assert_eq!(sandbox.get("/control/tbank").await["payments"][0]["orderId"], "order-1");
    assert_eq!(sandbox.delete("/control/tbank").await, StatusCode::NO_CONTENT);
    assert_eq!(sandbox.get("/control/tbank").await, json!({ "payments": [], "notifications": [] }));
    let after = sandbox.init("order-1", &shop).await;
    assert_ne!(before["PaymentId"], after["PaymentId"]);
}
