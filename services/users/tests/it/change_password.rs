//! Replacing one's password.

use proto::lyceum::{
    events::v1::{PasswordChanged, SessionsRevoked, sessions_revoked::Reason},
    users::v1::{ChangePasswordRequest, GetMeRequest, RefreshSessionRequest},
};
use rpc::Kind;

use crate::helpers::{PASSWORD, School, invalid, refused};

const NEW: &str = "a better one than before";

fn change(current: &str, new: &str) -> ChangePasswordRequest {
    ChangePasswordRequest { current_password: current.to_owned(), new_password: new.to_owned() }
}

#[tokio::test]
async fn a_new_password_replaces_the_old_one_and_ends_other_sessions() {
    let school = School::open().await;
    let anna = school.person("anna").await;
    let (here, elsewhere) = (school.sign_in(&anna).await, school.sign_in(&anna).await);
    school.users_of(&here).change_password(change(PASSWORD, NEW)).await.unwrap();

    refused(school.try_sign_in(&anna.email, PASSWORD).await, Kind::Unauthenticated, "CREDENTIALS_INVALID");
    school.try_sign_in(&anna.email, NEW).await.unwrap();
    assert!(school.is_revoked(&elsewhere).await);
    assert!(!school.is_revoked(&here).await);
    let refresh = |token: &str| RefreshSessionRequest { refresh_token: token.to_owned() };
    school.auth().refresh_session(refresh(&here.refresh_token)).await.unwrap();
    let over = school.auth().refresh_session(refresh(&elsewhere.refresh_token)).await;
    refused(over, Kind::Unauthenticated, "REFRESH_TOKEN_INVALID");

    assert_eq!(school.events::<PasswordChanged>().await, [PasswordChanged { user_id: anna.id.clone() }]);
    assert_eq!(school.events::<SessionsRevoked>().await[0].reason(), Reason::PasswordChanged);
    assert!(school.audit(&anna).await.contains(&"PASSWORD_CHANGED".to_owned()));
}

#[tokio::test]
async fn without_other_sessions_none_is_said_to_have_ended() {
    let school = School::open().await;
    let anna = school.person("anna").await;
    let tokens = school.sign_in(&anna).await;
    school.users_of(&tokens).change_password(change(PASSWORD, NEW)).await.unwrap();
    assert!(school.events::<SessionsRevoked>().await.is_empty());
}

#[tokio::test]
async fn a_wrong_current_password_is_refused_and_counted() {
    let school = School::open().await;
    let anna = school.person("anna").await;
    let tokens = school.sign_in(&anna).await;
    for _ in 0..5 {
        let answer = school.users_of(&tokens).change_password(change("not the password", NEW)).await;
        refused(answer, Kind::Forbidden, "PASSWORD_WRONG");
    }
    let answer = school.users_of(&tokens).change_password(change(PASSWORD, NEW)).await;
    refused(answer, Kind::TooMany, "TOO_MANY_ATTEMPTS");
    refused(school.try_sign_in(&anna.email, PASSWORD).await, Kind::TooMany, "TOO_MANY_ATTEMPTS");
}

#[tokio::test]
async fn a_weak_new_password_is_refused_and_the_old_one_stays() {
    let school = School::open().await;
    let anna = school.person("anna").await;
    let tokens = school.sign_in(&anna).await;
    for weak in ["short", "qwertyuiop", "my ANNA@example.com"] {
        let answer = school.users_of(&tokens).change_password(change(PASSWORD, weak)).await;
        invalid(answer, &["new_password"]);
    }
    invalid(school.users_of(&tokens).change_password(change("", NEW)).await, &["current_password"]);
    school.sign_in(&anna).await;
}

#[tokio::test]
async fn of_two_changes_at_once_one_wins_and_the_other_is_told() {
    let school = School::open().await;
    let anna = school.person("anna").await;
    let tokens = school.sign_in(&anna).await;
    let (mut one, mut other) = (school.users_of(&tokens), school.users_of(&tokens));
    let (first, second) = tokio::join!(
        one.change_password(change(PASSWORD, "the password of one")),
        other.change_password(change(PASSWORD, "the password of other")),
    );
    assert!(first.is_ok() != second.is_ok(), "{first:?} {second:?}");
    refused(first.and(second), Kind::Forbidden, "PASSWORD_WRONG");
    assert_eq!(school.events::<PasswordChanged>().await.len(), 1);
}

#[tokio::test]
async fn a_stranger_changes_nothing() {
    let school = School::open().await;
    let answer = school.users().change_password(change(PASSWORD, NEW)).await;
    refused(answer, Kind::Unauthenticated, "SIGN_IN_REQUIRED");
    refused(school.users().get_me(GetMeRequest {}).await, Kind::Unauthenticated, "SIGN_IN_REQUIRED");
}
