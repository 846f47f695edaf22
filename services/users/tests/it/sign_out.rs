//! Signing out, here and everywhere.

use proto::lyceum::{
    events::v1::{SessionsRevoked, sessions_revoked::Reason},
    users::v1::{RefreshSessionRequest, SessionTokens, SignOutEverywhereRequest, SignOutRequest},
};
use rpc::Kind;
use users::domain::role::Role;

use crate::helpers::{School, refused};

fn by_token(tokens: &SessionTokens) -> SignOutRequest {
    SignOutRequest { refresh_token: Some(tokens.refresh_token.clone()) }
}

async fn expect_over(school: &School, tokens: &SessionTokens) {
    let refresh = RefreshSessionRequest { refresh_token: tokens.refresh_token.clone() };
    refused(school.auth().refresh_session(refresh).await, Kind::Unauthenticated, "REFRESH_TOKEN_INVALID");
    assert!(school.is_revoked(tokens).await);
}

#[tokio::test]
async fn a_session_ends_by_its_access_token() {
    let school = School::open().await;
    let anna = school.person("anna").await;
    let (one, other) = (school.sign_in(&anna).await, school.sign_in(&anna).await);
    school.auth_of(&one).sign_out(SignOutRequest::default()).await.unwrap();
    expect_over(&school, &one).await;
    assert!(!school.is_revoked(&other).await);
}

#[tokio::test]
async fn a_session_ends_by_its_refresh_token_without_any_access_token() {
    let school = School::open().await;
    let tokens = school.signed_in("anna", &[Role::Learner]).await;
    school.auth().sign_out(by_token(&tokens)).await.unwrap();
    expect_over(&school, &tokens).await;
}

#[tokio::test]
async fn signing_out_twice_or_with_nonsense_is_no_mistake() {
    let school = School::open().await;
    let tokens = school.signed_in("anna", &[Role::Learner]).await;
    for _ in 0..2 {
        school.auth().sign_out(by_token(&tokens)).await.unwrap();
    }
    for token in ["nonsense".to_owned(), "A".repeat(43)] {
        school.auth().sign_out(SignOutRequest { refresh_token: Some(token) }).await.unwrap();
    }
    let ended: i64 = sqlx::query_scalar("select count(*) from audit_entries where action = 'SIGNED_OUT'")
        .fetch_one(&school.db.pool)
        .await
        .unwrap();
    assert_eq!(ended, 1);
}

#[tokio::test]
async fn nobody_in_particular_cannot_sign_out() {
    let school = School::open().await;
    let answer = school.auth().sign_out(SignOutRequest::default()).await;
    refused(answer, Kind::Unauthenticated, "SIGN_IN_REQUIRED");
}

#[tokio::test]
async fn signing_out_everywhere_ends_every_session_of_that_person_only() {
    let school = School::open().await;
    let (anna, boris) = (school.person("anna").await, school.person("boris").await);
    let (phone, laptop) = (school.sign_in(&anna).await, school.sign_in(&anna).await);
    let other = school.sign_in(&boris).await;
    school.auth_of(&phone).sign_out_everywhere(SignOutEverywhereRequest {}).await.unwrap();
    expect_over(&school, &phone).await;
    expect_over(&school, &laptop).await;
    assert!(!school.is_revoked(&other).await);
    let revoked = school.events::<SessionsRevoked>().await;
    assert_eq!(revoked.len(), 1);
    assert_eq!((revoked[0].user_id.as_str(), revoked[0].reason()), (anna.id.as_str(), Reason::SignedOut));
}
