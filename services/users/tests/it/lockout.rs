//! Guessing passwords takes longer and longer.

use futures::future::join_all;
use proto::lyceum::{
    events::v1::code_issued::Purpose,
    users::v1::{RequestPasswordResetRequest, ResetPasswordRequest},
};
use rpc::{Kind, Problem};
use time::Duration;

use crate::helpers::{PASSWORD, School, credentials, from, refused};

async fn guess(school: &School, email: &str, times: usize) {
    for _ in 0..times {
        let wrong = school.try_sign_in(email, "not the password").await;
        refused(wrong, Kind::Unauthenticated, "CREDENTIALS_INVALID");
    }
}

#[tokio::test]
async fn after_five_wrong_passwords_even_the_right_one_has_to_wait() {
    let school = School::open().await;
    let anna = school.person("anna").await;
    guess(&school, &anna.email, 5).await;
    for delay in [30, 60, 120] {
        let refusal = school.try_sign_in(&anna.email, PASSWORD).await;
        let refusal = refused(refusal, Kind::TooMany, "TOO_MANY_ATTEMPTS");
        assert_eq!(refusal.retry_after_seconds(), Some(delay));
        school.clock.advance(Duration::seconds(i64::try_from(delay).unwrap()));
        guess(&school, &anna.email, 1).await;
    }
    school.clock.advance(Duration::seconds(240));
    school.sign_in(&anna).await;
}

#[tokio::test]
async fn a_success_forgives_what_was_wrong_before() {
    let school = School::open().await;
    let anna = school.person("anna").await;
    for _ in 0..3 {
        guess(&school, &anna.email, 4).await;
        school.sign_in(&anna).await;
    }
}

#[tokio::test]
async fn an_unknown_address_locks_like_a_known_one() {
    let school = School::open().await;
    guess(&school, "nobody@example.com", 5).await;
    let refusal = school.try_sign_in("Nobody@example.com", PASSWORD).await;
    assert_eq!(refused(refusal, Kind::TooMany, "TOO_MANY_ATTEMPTS").retry_after_seconds(), Some(30));
}

#[tokio::test]
async fn guesses_at_once_do_not_slip_through() {
    let school = School::open().await;
    let anna = school.person("anna").await;
    let answers = join_all((0..40).map(|_| school.try_sign_in(&anna.email, "not the password"))).await;
    let looked_at = answers
        .into_iter()
        .filter(|answer| Problem::from(answer.as_ref().unwrap_err()).reason == "CREDENTIALS_INVALID")
        .count();
    assert_eq!(looked_at, 5);
}

#[tokio::test]
async fn a_network_address_is_limited_across_accounts_and_others_are_not() {
    let school = School::open().await;
    let anna = school.person("anna").await;
    for number in 0..100 {
        let guess = credentials(&format!("somebody-{number}@example.com"), "not the password");
        let answer = school.auth().sign_in(from("203.0.113.7", guess)).await;
        refused(answer, Kind::Unauthenticated, "CREDENTIALS_INVALID");
    }
    let right = || credentials(&anna.email, PASSWORD);
    let answer = school.auth().sign_in(from("203.0.113.7", right())).await;
    assert_eq!(refused(answer, Kind::TooMany, "TOO_MANY_ATTEMPTS").retry_after_seconds(), Some(60));
    school.auth().sign_in(from("203.0.113.8", right())).await.unwrap();
    school.clock.advance(Duration::minutes(1));
    school.auth().sign_in(from("203.0.113.7", right())).await.unwrap();
}

#[tokio::test]
async fn a_class_that_signs_in_behind_one_address_is_not_limited() {
    let school = School::open().await;
    let anna = school.person("anna").await;
    for _ in 0..110 {
        school.auth().sign_in(from("203.0.113.7", credentials(&anna.email, PASSWORD))).await.unwrap();
    }
}

#[tokio::test]
async fn one_network_of_the_new_internet_counts_as_one_address() {
    let school = School::open().await;
    for number in 0..100 {
        let guess = credentials(&format!("somebody-{number}@example.com"), "not the password");
        let answer = school.auth().sign_in(from(&format!("2001:db8::{number:x}"), guess)).await;
        refused(answer, Kind::Unauthenticated, "CREDENTIALS_INVALID");
    }
    let guess = || credentials("nobody@example.com", "not the password");
    let same = school.auth().sign_in(from("2001:db8::ffff", guess())).await;
    refused(same, Kind::TooMany, "TOO_MANY_ATTEMPTS");
    let other = school.auth().sign_in(from("2001:db8:0:1::1", guess())).await;
    refused(other, Kind::Unauthenticated, "CREDENTIALS_INVALID");
}

#[tokio::test]
async fn a_reset_password_lifts_the_lock() {
    let school = School::open().await;
    let anna = school.person("anna").await;
    guess(&school, &anna.email, 5).await;
    school.auth().request_password_reset(RequestPasswordResetRequest { email: anna.email.clone() }).await.unwrap();
    let code = school.code(&anna, Purpose::ResetPassword).await;
    let new_password = "a better one than before".to_owned();
    let reset = ResetPasswordRequest { email: anna.email.clone(), code, new_password: new_password.clone() };
    school.auth().reset_password(reset).await.unwrap();
    school.try_sign_in(&anna.email, &new_password).await.unwrap();
}
