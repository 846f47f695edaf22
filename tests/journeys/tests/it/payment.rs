//! Payments: refunds, declined cards, and notifications that come twice, late, reversed, forged or never.

use anyhow::Result;
use journeys::{Expect, Wire, eventually};
use people::{Card, Course, Person, School};
use proto::lyceum::courses::v1::{LessonKind, enrolment};
use proto::lyceum::notifications::v1::notification::Kind;
use proto::lyceum::payments::v1::order;
use serde_json::json;

async fn course_and_learner(title: &str) -> Result<(School, Course, Person)> {
    let school = School::of_tests()?;
    let course = Course::publish(&school.staff("manager").await?, title).await?;
    let learner = school.learner().await?;
    Ok((school, course, learner))
}

#[tokio::test]
async fn a_refund_gives_the_money_back_and_takes_the_access() -> Result<()> {
    let (school, course, learner) = course_and_learner("Возврат").await?;
    let order = learner.buy(&course.product_id, "").await?.order_id;
    learner.enrolment_in(&course.run_id, enrolment::State::Active).await?;
    let manager = school.staff("manager").await?;
    manager.refund(&order, "передумала").await?;
    learner.order_in(&order, order::State::Refunded).await?;
    learner.enrolment_in(&course.run_id, enrolment::State::Revoked).await?;
    let lesson = learner.get(&course.lesson_path(LessonKind::Video)?).await.ok();
    assert!(lesson["video"].is_null() && !lesson["locks"].as_array().is_none_or(Vec::is_empty), "{lesson}");
    let refund = json!({"reason": "передумала"});
    let again = manager.post(&format!("/v1/orders/{order}/refunds"), refund).await;
    assert!((400..500).contains(&again.status), "nothing is given back twice: {} {}", again.status, again.body);
    Ok(())
}

#[tokio::test]
async fn a_declined_card_and_then_a_good_one_pay_the_same_order() -> Result<()> {
    let (school, course, learner) = course_and_learner("Отказ и успех").await?;
    let order = learner.order(&course.product_id, "").await?.order_id;
    let payment = learner.pay(&order).await?;
    assert_eq!(school.outside.type_card(payment.confirmation_url(), Card::NoFunds).await?, 402);
    learner.notice(Kind::PaymentFailed).await?;
    assert_eq!(learner.get(&format!("/v1/orders/{order}")).await.ok()["state"], json!("STATE_PLACED"));
    assert!(school.outside.type_card(payment.confirmation_url(), Card::Good).await? < 400);
    learner.order_in(&order, order::State::Paid).await?;
    learner.enrolment_in(&course.run_id, enrolment::State::Active).await?;
    Ok(())
}

/// Pays an order while the bank's notifications suffer from a fault, and looks that everything happened once.
async fn paid_once_despite(kind: &str, extra: serde_json::Value) -> Result<()> {
    let (school, course, learner) = course_and_learner(&format!("Сбой {kind}")).await?;
    let order = learner.order(&course.product_id, "").await?.order_id;
    let payment = learner.pay(&order).await?;
    let mut fault = json!({"on": "tbank.notification", "kind": kind, "containing": payment.payment_id});
    for (name, value) in extra.as_object().into_iter().flatten() {
        fault[name] = value.clone();
    }
    school.outside.fault(fault).await?;
    assert!(school.outside.type_card(payment.confirmation_url(), Card::Good).await? < 400);
    learner.order_in(&order, order::State::Paid).await?;
    learner.enrolment_in(&course.run_id, enrolment::State::Active).await?;
    learner.notice(Kind::OrderPaid).await?;
    let payments = learner.get(&format!("/v1/orders/{order}/payments")).await.ok();
    assert_eq!(payments.pointer("/payments/0/state"), Some(&json!("STATE_SUCCEEDED")));
    assert_eq!(learner.notices(Kind::OrderPaid).await?.len(), 1);
    let entitlements = learner.get("/v1/me/entitlements").await.ok();
    assert_eq!(entitlements["entitlements"].as_array().map(Vec::len), Some(1), "{entitlements}");
    Ok(())
}

#[tokio::test]
async fn doubled_notifications_settle_once() -> Result<()> {
    paid_once_despite("twice", json!({})).await
}

#[tokio::test]
async fn late_notifications_settle_once() -> Result<()> {
    paid_once_despite("late", json!({"delayMs": 1500})).await
}

#[tokio::test]
async fn reversed_notifications_settle_once() -> Result<()> {
    paid_once_despite("out-of-order", json!({})).await
}

#[tokio::test]
async fn forged_notifications_change_nothing_and_the_good_repetition_settles() -> Result<()> {
    paid_once_despite("bad-signature", json!({})).await
}

#[tokio::test]
async fn a_lost_answer_of_the_bank_is_asked_for() -> Result<()> {
    let (school, course, learner) = course_and_learner("Потерянный ответ").await?;
    let order = learner.order(&course.product_id, "").await?.order_id;
    let number = learner.get(&format!("/v1/orders/{order}")).await.ok()["number"].clone();
    school.outside.fault(json!({"on": "tbank.Init", "kind": "drop-reply", "containing": number})).await?;
    let first = learner.post(&format!("/v1/orders/{order}/pay"), json!({})).await;
    // Whether the answer is an unknown payment or a request to come back, the order can still be paid once.
    assert!(first.status < 500 || first.status == 503, "{} {}", first.status, first.body);
    let payment = eventually("the bank's page is known", async || {
        let payments = learner.get(&format!("/v1/orders/{order}/payments")).await.ok();
        let one = payments.pointer("/payments/0")?.clone();
        assert_eq!(payments["payments"].as_array().map(Vec::len), Some(1), "{payments}");
        (one["state"] != json!("STATE_UNKNOWN")).then_some(one)
    });
    let payment = payment.await;
    assert!(["STATE_PENDING", "STATE_FAILED"].iter().any(|state| payment["state"] == json!(state)), "{payment}");
    let again = learner.pay(&order).await?;
    assert!(school.outside.type_card(again.confirmation_url(), Card::Good).await? < 400);
    learner.order_in(&order, order::State::Paid).await?;
    Ok(())
}

#[tokio::test]
async fn webhooks_that_nobody_signed_are_refused() -> Result<()> {
    let school = School::of_tests()?;
    let notice = json!({"TerminalKey": "LyceumDEMO", "OrderId": people::new_key(), "Success": true, "Status": "CONFIRMED",
        "PaymentId": 1, "ErrorCode": "0", "Amount": 149000, "Token": "0".repeat(64)});
    let refused = school.visitor().post("/hooks/tbank", notice).await;
    assert!([400, 401, 403].contains(&refused.status), "{} {}", refused.status, refused.body);
    let unknown = school.visitor().post("/hooks/no-such-bank", json!({})).await;
    assert_eq!(unknown.status, 404);
    Ok(())
}
