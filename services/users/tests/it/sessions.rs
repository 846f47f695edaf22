//! Seeing and ending one's sessions.

use proto::lyceum::users::v1::{
    ListMySessionsRequest, ListMySessionsResponse, RefreshSessionRequest, RevokeMySessionRequest, SessionTokens,
};
use rpc::Kind;
use time::Duration;

use crate::helpers::{School, invalid, refused};

async fn list(school: &School, tokens: &SessionTokens, request: ListMySessionsRequest) -> ListMySessionsResponse {
    school.users_of(tokens).list_my_sessions(request).await.unwrap().into_inner()
}

fn revoke(id: &str) -> RevokeMySessionRequest {
    RevokeMySessionRequest { session_id: id.to_owned() }
}

#[tokio::test]
async fn people_see_their_open_sessions_page_by_page_from_the_newest_on() {
    let school = School::open().await;
    let (anna, boris) = (school.person("anna").await, school.person("boris").await);
    let mut opened = Vec::new();
    for _ in 0..5 {
        school.clock.advance(Duration::seconds(1));
        opened.push(school.sign_in(&anna).await);
    }
    school.sign_in(&boris).await;
    let me = &opened[1];

    let mut seen = Vec::new();
    let mut page_token = String::new();
    loop {
        let page = list(&school, me, ListMySessionsRequest { page_size: 2, page_token }).await;
        assert!(page.sessions.len() <= 2);
        seen.extend(page.sessions);
        page_token = page.next_page_token.unwrap_or_default();
        if page_token.is_empty() {
            break;
        }
    }
    let ids: Vec<_> = seen.iter().map(|session| session.session_id.as_str()).collect();
    let expected: Vec<_> = opened.iter().rev().map(|tokens| tokens.session_id.as_str()).collect();
    assert_eq!(ids, expected);
    let current: Vec<_> =
        seen.iter().filter(|session| session.current).map(|session| session.session_id.as_str()).collect();
    assert_eq!(current, [me.session_id.as_str()]);
}

#[tokio::test]
async fn ended_and_idle_sessions_are_not_listed() {
    let school = School::open().await;
    let anna = school.person("anna").await;
    school.sign_in(&anna).await;
    school.clock.advance(Duration::days(14));
    let (ended, open) = (school.sign_in(&anna).await, school.sign_in(&anna).await);
    school.users_of(&open).revoke_my_session(revoke(&ended.session_id)).await.unwrap();
    let page = list(&school, &open, ListMySessionsRequest::default()).await;
    assert_eq!(page.sessions.len(), 1);
    assert_eq!(page.sessions[0].session_id, open.session_id);
}

#[tokio::test]
async fn a_session_ends_from_another_one_and_twice_is_no_mistake() {
    let school = School::open().await;
    let anna = school.person("anna").await;
    let (phone, laptop) = (school.sign_in(&anna).await, school.sign_in(&anna).await);
    for _ in 0..2 {
        school.users_of(&laptop).revoke_my_session(revoke(&phone.session_id)).await.unwrap();
    }
    assert!(school.is_revoked(&phone).await);
    let refresh = RefreshSessionRequest { refresh_token: phone.refresh_token.clone() };
    refused(school.auth().refresh_session(refresh).await, Kind::Unauthenticated, "REFRESH_TOKEN_INVALID");
}

#[tokio::test]
async fn somebody_elses_session_is_not_found_and_stays_open() {
    let school = School::open().await;
    let (anna, boris) = (school.person("anna").await, school.person("boris").await);
    let (mine, theirs) = (school.sign_in(&anna).await, school.sign_in(&boris).await);
    for id in [theirs.session_id.as_str(), "00000000-0000-7000-8000-000000000000"] {
        let answer = school.users_of(&mine).revoke_my_session(revoke(id)).await;
        refused(answer, Kind::NotFound, "SESSION_NOT_FOUND");
    }
    for id in ["nonsense", ""] {
        invalid(school.users_of(&mine).revoke_my_session(revoke(id)).await, &["session_id"]);
    }
    let refresh = RefreshSessionRequest { refresh_token: theirs.refresh_token.clone() };
    school.auth().refresh_session(refresh).await.unwrap();
}

#[tokio::test]
async fn bad_pages_are_refused() {
    let school = School::open().await;
    let (anna, boris) = (school.person("anna").await, school.person("boris").await);
    let (mine, theirs) = (school.sign_in(&anna).await, school.sign_in(&boris).await);
    school.sign_in(&boris).await;
    let request = |page_size, page_token: &str| ListMySessionsRequest { page_size, page_token: page_token.to_owned() };
    let next = list(&school, &theirs, request(1, "")).await.next_page_token.unwrap();
    for token in ["nonsense", &next[1..]] {
        invalid(school.users_of(&mine).list_my_sessions(request(0, token)).await, &["page_token"]);
    }
    invalid(school.users_of(&mine).list_my_sessions(request(-1, "")).await, &["page_size"]);
}
