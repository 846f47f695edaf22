//! Proving that an address is one's own.

use futures::future::join_all;
use proto::lyceum::{
    events::v1::{ProfileChanged, code_issued::Purpose::ConfirmEmail as Confirm},
    users::v1::ConfirmEmailRequest,
};
use rpc::Kind;
use time::Duration;

use crate::helpers::{PASSWORD, Person, School, invalid, refused};

fn confirm(person: &Person, code: &str) -> ConfirmEmailRequest {
    ConfirmEmailRequest { email: person.email.clone(), code: code.to_owned() }
}

/// A code that is not the right one.
fn wrong(code: &str) -> String {
    format!("{:06}", (code.parse::<u32>().unwrap() + 1) % 1_000_000)
}

#[tokio::test]
async fn the_code_confirms_the_address_and_opens_the_door() {
    let school = School::open().await;
    let anna = school.register("anna").await;
    refused(school.try_sign_in(&anna.email, PASSWORD).await, Kind::Forbidden, "EMAIL_NOT_CONFIRMED");
    let code = school.code(&anna, Confirm).await;
    school.auth().confirm_email(confirm(&anna, &code)).await.unwrap();
    school.sign_in(&anna).await;
    assert!(school.events::<ProfileChanged>().await.last().unwrap().email_confirmed);
    assert_eq!(school.audit(&anna).await.iter().filter(|action| *action == "EMAIL_CONFIRMED").count(), 1);
}

#[tokio::test]
async fn a_lost_answer_can_be_asked_for_again() {
    let school = School::open().await;
    let anna = school.register("anna").await;
    let code = school.code(&anna, Confirm).await;
    school.auth().confirm_email(confirm(&anna, &code)).await.unwrap();
    school.auth().confirm_email(confirm(&anna, &code)).await.unwrap();
    assert_eq!(school.events::<ProfileChanged>().await.len(), 2, "the second time nothing happened");
}

#[tokio::test]
async fn after_five_wrong_tries_the_right_code_is_worth_nothing() {
    let school = School::open().await;
    let anna = school.register("anna").await;
    let code = school.code(&anna, Confirm).await;
    for _ in 0..5 {
        refused(school.auth().confirm_email(confirm(&anna, &wrong(&code))).await, Kind::Invalid, "CODE_INVALID");
    }
    refused(school.auth().confirm_email(confirm(&anna, &code)).await, Kind::Invalid, "CODE_INVALID");
}

#[tokio::test]
async fn tries_at_once_are_counted_one_by_one() {
    let school = School::open().await;
    let anna = school.register("anna").await;
    let code = school.code(&anna, Confirm).await;
    join_all((0..12).map(|_| {
        let (mut door, request) = (school.auth(), confirm(&anna, &wrong(&code)));
        async move { door.confirm_email(request).await.unwrap_err() }
    }))
    .await;
    let tries: i32 = sqlx::query_scalar("select tries from codes").fetch_one(&school.db.pool).await.unwrap();
    assert_eq!(tries, 5);
}

#[tokio::test]
async fn a_code_expires_after_a_quarter_of_an_hour() {
    let school = School::open().await;
    let anna = school.register("anna").await;
    let code = school.code(&anna, Confirm).await;
    school.clock.advance(Duration::minutes(15));
    refused(school.auth().confirm_email(confirm(&anna, &code)).await, Kind::Invalid, "CODE_INVALID");
}

#[tokio::test]
async fn a_stranger_cannot_tell_an_unknown_address_from_a_wrong_code() {
    let school = School::open().await;
    let anna = school.register("anna").await;
    let code = school.code(&anna, Confirm).await;
    let known = school.auth().confirm_email(confirm(&anna, &wrong(&code))).await;
    let nobody = Person { id: String::new(), email: "nobody@example.com".into() };
    let unknown = school.auth().confirm_email(confirm(&nobody, &code)).await;
    let (known, unknown) =
        (refused(known, Kind::Invalid, "CODE_INVALID"), refused(unknown, Kind::Invalid, "CODE_INVALID"));
    assert_eq!(known, unknown);
}

#[tokio::test]
async fn a_code_fits_only_its_account() {
    let school = School::open().await;
    let (anna, boris) = (school.register("anna").await, school.register("boris").await);
    let (code, other) = (school.code(&anna, Confirm).await, school.code(&boris, Confirm).await);
    if code != other {
        refused(school.auth().confirm_email(confirm(&boris, &code)).await, Kind::Invalid, "CODE_INVALID");
    }
    school.auth().confirm_email(confirm(&boris, &other)).await.unwrap();
}

#[tokio::test]
async fn what_is_no_code_is_refused_before_it_counts() {
    let school = School::open().await;
    let anna = school.register("anna").await;
    invalid(school.auth().confirm_email(confirm(&anna, "12345")).await, &["code"]);
    let tries: i32 = sqlx::query_scalar("select tries from codes").fetch_one(&school.db.pool).await.unwrap();
    assert_eq!(tries, 0);
}
