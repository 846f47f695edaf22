//! Asking for another code.

use proto::lyceum::{
    events::v1::code_issued::Purpose::ConfirmEmail as Confirm,
    users::v1::{ConfirmEmailRequest, ResendCodeRequest},
};
use rpc::Kind;
use time::Duration;

use crate::helpers::{School, invalid, refused};

fn resend(email: &str) -> ResendCodeRequest {
    ResendCodeRequest { email: email.to_owned() }
}

#[tokio::test]
async fn a_new_code_replaces_the_old_one() {
    let school = School::open().await;
    let anna = school.register("anna").await;
    school.auth().resend_code(resend(&anna.email)).await.unwrap();
    let codes = school.codes(&anna, Confirm).await;
    assert_eq!(codes.len(), 2);
    let confirm = |code: &str| ConfirmEmailRequest { email: anna.email.clone(), code: code.to_owned() };
    if codes[0] != codes[1] {
        refused(school.auth().confirm_email(confirm(&codes[0])).await, Kind::Invalid, "CODE_INVALID");
    }
    school.auth().confirm_email(confirm(&codes[1])).await.unwrap();
}

#[tokio::test]
async fn mails_to_one_address_are_limited_and_the_answer_says_when_to_ask_again() {
    let school = School::open().await;
    let anna = school.register("anna").await;
    for _ in 0..3 {
        school.auth().resend_code(resend(&anna.email)).await.unwrap();
    }
    let refusal = refused(school.auth().resend_code(resend(&anna.email)).await, Kind::TooMany, "TOO_MANY_CODES");
    assert_eq!(refusal.retry_after_seconds(), Some(60));
    school.clock.advance(Duration::minutes(1));
    school.auth().resend_code(resend(&anna.email)).await.unwrap();
    assert_eq!(school.codes(&anna, Confirm).await.len(), 5);
}

#[tokio::test]
async fn strangers_learn_nothing_about_an_address() {
    let school = School::open().await;
    let confirmed = school.person("anna").await;
    for email in [confirmed.email.as_str(), "nobody@example.com"] {
        for _ in 0..3 {
            school.auth().resend_code(resend(email)).await.unwrap();
        }
        refused(school.auth().resend_code(resend(email)).await, Kind::TooMany, "TOO_MANY_CODES");
    }
    assert_eq!(school.codes(&confirmed, Confirm).await.len(), 1, "a confirmed address gets no more codes");
}

#[tokio::test]
async fn what_is_no_address_is_refused() {
    let school = School::open().await;
    invalid(school.auth().resend_code(resend("anna")).await, &["email"]);
}
