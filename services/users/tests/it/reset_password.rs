//! Setting a new password with a code from a mail.

use proto::lyceum::{
    events::v1::{PasswordChanged, SessionsRevoked, code_issued::Purpose, sessions_revoked::Reason},
    users::v1::{ConfirmEmailRequest, RequestPasswordResetRequest, ResetPasswordRequest},
};
use rpc::Kind;
use time::Duration;

use crate::helpers::{PASSWORD, Person, School, invalid, refused};

const NEW: &str = "a better one than before";

async fn request(school: &School, email: &str) {
    school.auth().request_password_reset(RequestPasswordResetRequest { email: email.to_owned() }).await.unwrap();
}

fn reset(person: &Person, code: &str) -> ResetPasswordRequest {
    ResetPasswordRequest { email: person.email.clone(), code: code.to_owned(), new_password: NEW.to_owned() }
}

fn wrong(code: &str) -> String {
    format!("{:06}", (code.parse::<u32>().unwrap() + 1) % 1_000_000)
}

#[tokio::test]
async fn a_code_sets_a_new_password_and_ends_every_session() {
    let school = School::open().await;
    let anna = school.person("anna").await;
    let tokens = school.sign_in(&anna).await;
    request(&school, &anna.email).await;
    let code = school.code(&anna, Purpose::ResetPassword).await;
    school.auth().reset_password(reset(&anna, &code)).await.unwrap();

    refused(school.try_sign_in(&anna.email, PASSWORD).await, Kind::Unauthenticated, "CREDENTIALS_INVALID");
    school.try_sign_in(&anna.email, NEW).await.unwrap();
    assert!(school.is_revoked(&tokens).await);
    assert_eq!(school.events::<PasswordChanged>().await.len(), 1);
    assert_eq!(school.events::<SessionsRevoked>().await[0].reason(), Reason::PasswordChanged);
    assert!(school.audit(&anna).await.contains(&"PASSWORD_RESET".to_owned()));
}

#[tokio::test]
async fn a_code_works_once() {
    let school = School::open().await;
    let anna = school.person("anna").await;
    request(&school, &anna.email).await;
    let code = school.code(&anna, Purpose::ResetPassword).await;
    school.auth().reset_password(reset(&anna, &code)).await.unwrap();
    let again = ResetPasswordRequest { new_password: "yet another password".into(), ..reset(&anna, &code) };
    refused(school.auth().reset_password(again).await, Kind::Invalid, "CODE_INVALID");
}

#[tokio::test]
async fn a_reset_takes_an_address_back_from_whoever_registered_it() {
    let school = School::open().await;
    let squatted = school.register("anna").await;
    request(&school, &squatted.email).await;
    let code = school.code(&squatted, Purpose::ResetPassword).await;
    school.auth().reset_password(reset(&squatted, &code)).await.unwrap();
    school.try_sign_in(&squatted.email, NEW).await.unwrap();
    refused(school.try_sign_in(&squatted.email, PASSWORD).await, Kind::Unauthenticated, "CREDENTIALS_INVALID");
}

#[tokio::test]
async fn codes_of_one_purpose_do_not_serve_the_other() {
    let school = School::open().await;
    let anna = school.register("anna").await;
    request(&school, &anna.email).await;
    let confirm = school.code(&anna, Purpose::ConfirmEmail).await;
    let change = school.code(&anna, Purpose::ResetPassword).await;
    if confirm != change {
        refused(school.auth().reset_password(reset(&anna, &confirm)).await, Kind::Invalid, "CODE_INVALID");
        let crossed = ConfirmEmailRequest { email: anna.email.clone(), code: change.clone() };
        refused(school.auth().confirm_email(crossed).await, Kind::Invalid, "CODE_INVALID");
    }
}

#[tokio::test]
async fn strangers_learn_nothing_about_an_address() {
    let school = School::open().await;
    let anna = school.person("anna").await;
    for email in [anna.email.as_str(), "nobody@example.com"] {
        for _ in 0..3 {
            request(&school, email).await;
        }
        let answer =
            school.auth().request_password_reset(RequestPasswordResetRequest { email: email.to_owned() }).await;
        assert_eq!(refused(answer, Kind::TooMany, "TOO_MANY_CODES").retry_after_seconds(), Some(60));
    }
    let code = school.code(&anna, Purpose::ResetPassword).await;
    let nobody = Person { id: String::new(), email: "nobody@example.com".into() };
    let known = refused(school.auth().reset_password(reset(&anna, &wrong(&code))).await, Kind::Invalid, "CODE_INVALID");
    let unknown = refused(school.auth().reset_password(reset(&nobody, &code)).await, Kind::Invalid, "CODE_INVALID");
    assert_eq!(known, unknown);
}

#[tokio::test]
async fn wrong_and_late_codes_are_refused() {
    let school = School::open().await;
    let anna = school.person("anna").await;
    request(&school, &anna.email).await;
    let code = school.code(&anna, Purpose::ResetPassword).await;
    school.clock.advance(Duration::minutes(15));
    refused(school.auth().reset_password(reset(&anna, &code)).await, Kind::Invalid, "CODE_INVALID");
    school.sign_in(&anna).await;
}

#[tokio::test]
async fn a_weak_password_is_refused_without_using_up_the_code() {
    let school = School::open().await;
    let anna = school.person("anna").await;
    request(&school, &anna.email).await;
    let code = school.code(&anna, Purpose::ResetPassword).await;
    let weak = ResetPasswordRequest { new_password: "qwertyuiop".into(), ..reset(&anna, &code) };
    invalid(school.auth().reset_password(weak).await, &["new_password"]);
    school.auth().reset_password(reset(&anna, &code)).await.unwrap();
}
