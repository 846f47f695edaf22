//! Finding accounts.

use std::collections::BTreeSet;

use proto::lyceum::users::v1::{
    BlockUserRequest, EraseUserRequest, GetUserRequest, ListUsersRequest, ListUsersResponse, SessionTokens, user,
};
use rpc::Kind;
use time::{Duration, OffsetDateTime};
use tonic::{Response, Status};
use users::domain::role::Role;
use values::Clock;

use crate::helpers::{School, invalid, refused};

async fn list(school: &School, by: &SessionTokens, request: ListUsersRequest) -> Result<ListUsersResponse, Status> {
    school.users_of(by).list_users(request).await.map(Response::into_inner)
}

async fn emails(school: &School, by: &SessionTokens, request: ListUsersRequest) -> BTreeSet<String> {
    let users = list(school, by, request).await.unwrap().users;
    users.into_iter().map(|user| user.email().replace("@example.com", "")).collect()
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

#[tokio::test]
async fn support_finds_people_by_address_name_role_and_state() {
    let school = School::open().await;
    let support = school.signed_in("support", &[Role::Support]).await;
    let admin = school.signed_in("root", &[Role::Admin]).await;
    let (anna, gone) = (school.person("anna").await, school.person("gone").await);
    school.register("waits_100%").await;
    let block = BlockUserRequest { user_id: anna.id, reason: "spam".into() };
    school.users_of(&admin).block_user(block).await.unwrap();
    let erase = EraseUserRequest { user_id: gone.id, password: String::new() };
    school.users_of(&admin).erase_user(erase).await.unwrap();

    let by = |request| emails(&school, &support, request);
    let query = |query: &str| ListUsersRequest { query: query.into(), ..ListUsersRequest::default() };
    let role = |role: user::Role| ListUsersRequest { role: role.into(), ..ListUsersRequest::default() };
    let state = |state: user::State| ListUsersRequest { state: state.into(), ..ListUsersRequest::default() };
    assert_eq!(by(query("SUPP")).await, set(&["support"]));
    assert_eq!(by(query("Anna")).await, set(&["anna", "waits_100%"]), "the name of both is Anna");
    assert_eq!(by(query("_100%")).await, set(&["waits_100%"]));
    assert_eq!(by(query("%")).await, set(&["waits_100%"]), "a percent sign stands for itself");
    assert_eq!(by(role(user::Role::Admin)).await, set(&["root"]));
    assert_eq!(by(state(user::State::Blocked)).await, set(&["anna"]));
    assert_eq!(by(state(user::State::Unconfirmed)).await, set(&["waits_100%"]));
    assert_eq!(by(state(user::State::Erased)).await, set(&[""]));
    assert_eq!(by(ListUsersRequest::default()).await.len(), 5);
}

#[tokio::test]
async fn accounts_are_found_by_when_they_were_opened() {
    let school = School::open().await;
    let support = school.signed_in("support", &[Role::Support]).await;
    school.clock.advance(Duration::seconds(10));
    let opened = school.clock.now();
    school.register("anna").await;
    school.clock.advance(Duration::seconds(10));
    school.register("boris").await;
    let later = opened + Duration::seconds(10);
    let by = |from: Option<OffsetDateTime>, before: Option<OffsetDateTime>| {
        let (created_from, created_before) = (from.map(Into::into), before.map(Into::into));
        emails(&school, &support, ListUsersRequest { created_from, created_before, ..ListUsersRequest::default() })
    };
    assert_eq!(by(Some(opened), None).await, set(&["anna", "boris"]));
    assert_eq!(by(None, Some(opened)).await, set(&["support"]));
    assert_eq!(by(Some(opened), Some(later)).await, set(&["anna"]));
}

#[tokio::test]
async fn pages_follow_each_other_without_gaps() {
    let school = School::open().await;
    let support = school.signed_in("support", &[Role::Support]).await;
    for number in 0..7 {
        school.register(&format!("somebody-{number}")).await;
    }
    let (mut seen, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = ListUsersRequest { page_size: 3, page_token, ..ListUsersRequest::default() };
        let page = list(&school, &support, request).await.unwrap();
        seen.extend(page.users.into_iter().map(|user| user.user_id));
        page_token = page.next_page_token.unwrap_or_default();
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(seen.len(), 8);
    assert!(seen.is_sorted_by(|newer, older| newer > older), "from the newest on, nobody twice");
}

#[tokio::test]
async fn bad_filters_and_pages_of_other_filters_are_refused() {
    let school = School::open().await;
    let support = school.signed_in("support", &[Role::Support]).await;
    school.register("anna").await;
    let first = ListUsersRequest { page_size: 1, ..ListUsersRequest::default() };
    let page_token = list(&school, &support, first).await.unwrap().next_page_token.unwrap();
    let other = ListUsersRequest { page_token, query: "anna".into(), ..ListUsersRequest::default() };
    invalid(list(&school, &support, other).await, &["page_token"]);
    let bad = ListUsersRequest { query: "x".repeat(101), role: 99, state: -1, ..ListUsersRequest::default() };
    invalid(list(&school, &support, bad).await, &["query", "role", "state"]);
}

#[tokio::test]
async fn learners_see_nobody_else() {
    let school = School::open().await;
    let (anna, boris) = (school.signed_in("anna", &[Role::Learner]).await, school.person("boris").await);
    refused(list(&school, &anna, ListUsersRequest::default()).await, Kind::Forbidden, "PERMISSION_DENIED");
    let answer = school.users_of(&anna).get_user(GetUserRequest { user_id: boris.id }).await;
    refused(answer, Kind::Forbidden, "PERMISSION_DENIED");
}

#[tokio::test]
async fn nobody_is_not_found() {
    let school = School::open().await;
    let support = school.signed_in("support", &[Role::Support]).await;
    let get = async |id: &str| school.users_of(&support).get_user(GetUserRequest { user_id: id.into() }).await;
    refused(get("00000000-0000-7000-8000-000000000000").await, Kind::NotFound, "USER_NOT_FOUND");
    for id in ["", "nonsense"] {
        invalid(get(id).await, &["user_id"]);
    }
}
