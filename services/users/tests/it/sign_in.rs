//! Signing in.

use futures::future::join_all;
use proto::lyceum::users::v1::{GetMeRequest, User, user};
use rpc::Kind;
use time::Duration;
use users::{
    domain::{audit::Requester, email::EmailAddress, role::Role},
    flows::sign_in::{self, SignIn},
};

use crate::helpers::{PASSWORD, School, credentials, from, invalid, refused};

#[tokio::test]
async fn signing_in_gives_tokens_in_the_shape_of_oauth() {
    let school = School::open().await;
    let anna = school.person("anna").await;
    let tokens = school.sign_in(&anna).await;
    assert_eq!((tokens.token_type.as_str(), tokens.expires_in), ("Bearer", 600));
    assert_eq!(tokens.refresh_expires_in, 14 * 24 * 60 * 60);
    assert_eq!(tokens.user_id, anna.id);
    let me: User = school.users_of(&tokens).get_me(GetMeRequest {}).await.unwrap().into_inner();
    assert_eq!((me.user_id, me.email, me.state), (anna.id, Some(anna.email), user::State::Active.into()));
}

#[tokio::test]
async fn the_access_token_says_who_in_which_session_and_what_they_may() {
    let school = School::open().await;
    let tokens = school.signed_in("manager", &[Role::Manager, Role::Learner]).await;
    let person = school.verifier(&school.app).person(&tokens.access_token).await.unwrap();
    assert_eq!(person.user.to_string(), tokens.user_id);
    assert_eq!(person.session.to_string(), tokens.session_id);
    assert_eq!((person.amr, person.roles), (vec!["pwd".to_owned()], vec!["learner".to_owned(), "manager".to_owned()]));
    assert!(person.permissions.contains(&"courses.edit".to_owned()));
    assert!(!person.permissions.contains(&"users.manage".to_owned()));
}

#[tokio::test]
async fn an_access_token_works_for_ten_minutes() {
    let school = School::open().await;
    let tokens = school.signed_in("anna", &[Role::Learner]).await;
    school.clock.advance(Duration::minutes(10));
    school.users_of(&tokens).get_me(GetMeRequest {}).await.unwrap();
    // Half a minute is granted for clocks that differ.
    school.clock.advance(Duration::seconds(31));
    let late = school.users_of(&tokens).get_me(GetMeRequest {}).await;
    refused(late, Kind::Unauthenticated, "TOKEN_EXPIRED");
}

#[tokio::test]
async fn the_address_may_be_typed_in_any_case() {
    let school = School::open().await;
    let anna = school.person("anna").await;
    school.try_sign_in(&anna.email.to_uppercase(), PASSWORD).await.unwrap();
}

#[tokio::test]
async fn an_unknown_address_and_a_wrong_password_are_refused_alike() {
    let school = School::open().await;
    let anna = school.person("anna").await;
    let wrong = school.try_sign_in(&anna.email, "not the password").await;
    let unknown = school.try_sign_in("nobody@example.com", "not the password").await;
    let wrong = refused(wrong, Kind::Unauthenticated, "CREDENTIALS_INVALID");
    let unknown = refused(unknown, Kind::Unauthenticated, "CREDENTIALS_INVALID");
    assert_eq!(wrong, unknown);
}

/// The proof that it takes the same time: nobody is refused before the hash was computed.
#[tokio::test]
async fn an_unknown_address_costs_a_hash_too() {
    let school = School::with(|config| (config.hasher.threads, config.hasher.queue) = (1, 0)).await;
    let anna = school.person("anna").await;
    let place = school.app.hasher.place().unwrap();
    for email in [anna.email.as_str(), "nobody@example.com"] {
        refused(school.try_sign_in(email, "not the password").await, Kind::Unavailable, "BUSY");
    }
    drop(place);
    refused(
        school.try_sign_in("nobody@example.com", "not the password").await,
        Kind::Unauthenticated,
        "CREDENTIALS_INVALID",
    );
}

#[tokio::test]
async fn whether_an_account_is_unconfirmed_is_told_only_to_whoever_knows_the_password() {
    let school = School::open().await;
    let anna = school.register("anna").await;
    let wrong = school.try_sign_in(&anna.email, "not the password").await;
    refused(wrong, Kind::Unauthenticated, "CREDENTIALS_INVALID");
    refused(school.try_sign_in(&anna.email, PASSWORD).await, Kind::Forbidden, "EMAIL_NOT_CONFIRMED");
}

#[tokio::test]
async fn missing_and_absurd_fields_are_named() {
    let school = School::open().await;
    invalid(school.try_sign_in("", "").await, &["email", "password"]);
    invalid(school.try_sign_in("anna@example.com", &"x".repeat(2_000)).await, &["password"]);
}

#[tokio::test]
async fn where_somebody_signed_in_is_recorded() {
    let school = School::open().await;
    let anna = school.person("anna").await;
    school.auth().sign_in(from("2001:db8::7", credentials(&anna.email, PASSWORD))).await.unwrap();
    let recorded: (String, String) =
        sqlx::query_as("select address, user_agent from sessions").fetch_one(&school.db.pool).await.unwrap();
    assert_eq!((recorded.0.as_str(), recorded.1.as_str()), ("2001:db8::7", "Browser/1.0"));
    assert!(school.audit(&anna).await.contains(&"SIGNED_IN".to_owned()));
}

#[tokio::test]
async fn a_hash_with_old_costs_is_renewed_and_nobody_who_signs_in_meanwhile_is_refused() {
    let school = School::open().await;
    let anna = school.person("anna").await;
    let hash = async || -> String {
        sqlx::query_scalar("select password_hash from credentials").fetch_one(&school.db.pool).await.unwrap()
    };
    let mut config = school.config.clone();
    config.hasher.iterations = 2;
    let dearer = school.other(&config);
    assert!(hash().await.contains("m=8,t=1,p=1"));
    let by = Requester::the_service();
    let command = SignIn { email: EmailAddress::parse(&anna.email).unwrap(), password: PASSWORD.into() };
    for signed_in in join_all((0..4).map(|_| sign_in::run(&dearer, &by, command.clone()))).await {
        signed_in.unwrap();
    }
    assert!(hash().await.contains("m=8,t=2,p=1"));
    school.sign_in(&anna).await;
}
