//! Prolonging a session, and noticing theft.

use futures::future::join_all;
use proto::lyceum::{
    events::v1::{SessionsRevoked, sessions_revoked::Reason},
    users::v1::{GetMeRequest, RefreshSessionRequest, SessionTokens},
};
use rpc::Kind;
use time::Duration;
use tonic::{Response, Status};
use users::domain::role::Role;

use crate::helpers::{School, from, refused};

fn with(token: &str) -> RefreshSessionRequest {
    RefreshSessionRequest { refresh_token: token.to_owned() }
}

async fn refresh(school: &School, tokens: &SessionTokens) -> Result<SessionTokens, Status> {
    school.auth().refresh_session(with(&tokens.refresh_token)).await.map(Response::into_inner)
}

#[tokio::test]
async fn a_refresh_token_is_exchanged_for_a_new_one() {
    let school = School::open().await;
    let first = school.signed_in("anna", &[Role::Learner]).await;
    school.clock.advance(Duration::minutes(11));
    let second = refresh(&school, &first).await.unwrap();
    assert_ne!(second.refresh_token, first.refresh_token);
    assert_eq!(second.session_id, first.session_id);
    school.users_of(&second).get_me(GetMeRequest {}).await.unwrap();
    let third = refresh(&school, &second).await.unwrap();
    assert_ne!(third.refresh_token, second.refresh_token);
}

#[tokio::test]
async fn only_hashes_of_refresh_tokens_are_kept() {
    let school = School::open().await;
    let tokens = school.signed_in("anna", &[Role::Learner]).await;
    let dump: String = sqlx::query_scalar("select coalesce(string_agg(t::text, ' '), '') from refresh_tokens as t")
        .fetch_one(&school.db.pool)
        .await
        .unwrap();
    assert!(!dump.is_empty() && !dump.contains(&tokens.refresh_token));
    assert_eq!(tokens.refresh_token.len(), 43, "256 bits");
}

#[tokio::test]
async fn a_lost_answer_is_given_again_for_a_few_seconds() {
    let school = School::open().await;
    let first = school.signed_in("anna", &[Role::Learner]).await;
    let second = refresh(&school, &first).await.unwrap();
    school.clock.advance(Duration::seconds(9));
    let again = refresh(&school, &first).await.unwrap();
    assert_eq!(again.refresh_token, second.refresh_token);
    refresh(&school, &again).await.unwrap();
}

#[tokio::test]
async fn tabs_that_refresh_at_once_get_the_same_token() {
    let school = School::open().await;
    let first = school.signed_in("anna", &[Role::Learner]).await;
    let answers = join_all((0..8).map(|_| refresh(&school, &first))).await;
    let tokens: Vec<_> = answers.into_iter().map(|answer| answer.unwrap().refresh_token).collect();
    assert!(tokens.iter().all(|token| *token == tokens[0]));
    let generations: Vec<i32> = sqlx::query_scalar("select generation from refresh_tokens order by generation")
        .fetch_all(&school.db.pool)
        .await
        .unwrap();
    assert_eq!(generations, [1, 2]);
    assert!(!school.is_revoked(&first).await);
}

async fn expect_theft(school: &School, stolen: &SessionTokens, newest: &SessionTokens) {
    refused(refresh(school, stolen).await, Kind::Unauthenticated, "REFRESH_TOKEN_REUSED");
    // The thief and the owner are both out.
    refused(refresh(school, newest).await, Kind::Unauthenticated, "REFRESH_TOKEN_INVALID");
    refused(refresh(school, stolen).await, Kind::Unauthenticated, "REFRESH_TOKEN_INVALID");
    assert!(school.is_revoked(newest).await);
    let revoked = school.events::<SessionsRevoked>().await;
    assert_eq!(revoked.len(), 1);
    assert_eq!((revoked[0].user_id.as_str(), revoked[0].reason()), (newest.user_id.as_str(), Reason::TokenReused));
}

#[tokio::test]
async fn a_used_token_is_stolen_once_its_successor_was_used() {
    let school = School::open().await;
    let first = school.signed_in("anna", &[Role::Learner]).await;
    let second = refresh(&school, &first).await.unwrap();
    let third = refresh(&school, &second).await.unwrap();
    expect_theft(&school, &first, &third).await;
}

#[tokio::test]
async fn a_used_token_is_stolen_once_the_grace_is_over() {
    let school = School::open().await;
    let first = school.signed_in("anna", &[Role::Learner]).await;
    let second = refresh(&school, &first).await.unwrap();
    school.clock.advance(Duration::seconds(10));
    expect_theft(&school, &first, &second).await;
}

#[tokio::test]
async fn theft_ends_one_session_and_leaves_others() {
    let school = School::open().await;
    let anna = school.person("anna").await;
    let (phone, laptop) = (school.sign_in(&anna).await, school.sign_in(&anna).await);
    let second = refresh(&school, &phone).await.unwrap();
    school.clock.advance(Duration::seconds(10));
    expect_theft(&school, &phone, &second).await;
    refresh(&school, &laptop).await.unwrap();
    assert_eq!(school.audit(&anna).await.last().unwrap(), "TOKEN_REUSED");
}

#[tokio::test]
async fn an_idle_session_ends_and_a_used_one_lives_thirty_days() {
    let school = School::open().await;
    let anna = school.person("anna").await;
    let idle = school.sign_in(&anna).await;
    let mut used = school.sign_in(&anna).await;
    for _ in 0..2 {
        school.clock.advance(Duration::days(13));
        used = refresh(&school, &used).await.unwrap();
    }
    refused(refresh(&school, &idle).await, Kind::Unauthenticated, "REFRESH_TOKEN_INVALID");
    assert_eq!(i64::from(used.refresh_expires_in), Duration::days(4).whole_seconds(), "not beyond its thirty days");
    school.clock.advance(Duration::days(4));
    refused(refresh(&school, &used).await, Kind::Unauthenticated, "REFRESH_TOKEN_INVALID");
}

#[tokio::test]
async fn unknown_and_malformed_tokens_are_refused_alike() {
    let school = School::open().await;
    for token in ["", "x", "../../etc/passwd", &"A".repeat(43), &"A".repeat(512)] {
        let answer = school.auth().refresh_session(with(token)).await;
        refused(answer, Kind::Unauthenticated, "REFRESH_TOKEN_INVALID");
    }
    refused(school.auth().refresh_session(with(&"A".repeat(100_000))).await, Kind::Invalid, "INVALID");
}

#[tokio::test]
async fn a_session_remembers_where_it_was_last_used() {
    let school = School::open().await;
    let first = school.signed_in("anna", &[Role::Learner]).await;
    school.auth().refresh_session(from("203.0.113.9", with(&first.refresh_token))).await.unwrap();
    let address: String = sqlx::query_scalar("select address from sessions").fetch_one(&school.db.pool).await.unwrap();
    assert_eq!(address, "203.0.113.9");
}

#[tokio::test]
async fn new_roles_arrive_with_the_next_refresh() {
    let school = School::open().await;
    let anna = school.person("anna").await;
    let first = school.sign_in(&anna).await;
    sqlx::query("update users set roles = '{learner,curator}'").execute(&school.db.pool).await.unwrap();
    let second = refresh(&school, &first).await.unwrap();
    let person = school.verifier(&school.app).person(&second.access_token).await.unwrap();
    assert_eq!(person.permissions, ["enrolments.read"]);
}
