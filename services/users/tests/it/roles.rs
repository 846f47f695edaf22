//! Giving and taking roles.

use proto::lyceum::users::v1::{GetUserRequest, UpdateUserRolesRequest, User, user};
use rpc::Kind;
use tonic::{Response, Status};
use users::domain::role::Role;

use crate::helpers::{Person, School, invalid, refused};
use proto::lyceum::users::v1::SessionTokens;

async fn update(school: &School, by: &SessionTokens, whose: &str, roles: &[user::Role]) -> Result<User, Status> {
    let roles = roles.iter().map(|role| (*role).into()).collect();
    let request = UpdateUserRolesRequest { user_id: whose.to_owned(), roles, etag: String::new() };
    school.users_of(by).update_user_roles(request).await.map(Response::into_inner)
}

#[tokio::test]
async fn an_administrator_replaces_roles_and_the_log_says_so() {
    let school = School::open().await;
    let admin = school.signed_in("root", &[Role::Admin]).await;
    let anna = school.person("anna").await;
    let changed = update(&school, &admin, &anna.id, &[user::Role::Curator, user::Role::Learner]).await.unwrap();
    assert_eq!(changed.roles, [i32::from(user::Role::Learner), user::Role::Curator.into()]);
    assert_eq!(changed.permissions, ["enrolments.read"]);
    let (actor, details): (String, String) =
        sqlx::query_as("select actor, details::text from audit_entries where action = 'ROLES_CHANGED'")
            .fetch_one(&school.db.pool)
            .await
            .unwrap();
    assert_eq!(actor, format!("user:{}", admin.user_id));
    assert_eq!(details, r#"{"after": "learner curator", "before": "learner"}"#);
}

#[tokio::test]
async fn others_may_not() {
    let school = School::open().await;
    let anna = school.person("anna").await;
    for (name, role) in [("m", Role::Manager), ("s", Role::Support), ("t", Role::Tutor), ("l", Role::Learner)] {
        let tokens = school.signed_in(name, &[role]).await;
        let answer = update(&school, &tokens, &anna.id, &[user::Role::Admin]).await;
        refused(answer, Kind::Forbidden, "PERMISSION_DENIED");
        let own = update(&school, &tokens, &tokens.user_id, &[user::Role::Admin]).await;
        refused(own, Kind::Forbidden, "PERMISSION_DENIED");
    }
}

#[tokio::test]
async fn a_token_from_before_the_demotion_is_not_enough() {
    let school = School::open().await;
    let (root, other) =
        (school.signed_in("root", &[Role::Admin]).await, school.signed_in("other", &[Role::Admin]).await);
    let anna = school.person("anna").await;
    update(&school, &root, &other.user_id, &[user::Role::Manager]).await.unwrap();
    let answer = update(&school, &other, &anna.id, &[user::Role::Admin]).await;
    refused(answer, Kind::Forbidden, "PERMISSION_DENIED");
}

#[tokio::test]
async fn the_last_administrator_cannot_be_demoted_and_of_two_who_demote_each_other_one_stays() {
    let school = School::open().await;
    let (root, other) =
        (school.signed_in("root", &[Role::Admin]).await, school.signed_in("other", &[Role::Admin]).await);
    let (one, two) = tokio::join!(
        update(&school, &root, &other.user_id, &[user::Role::Learner]),
        update(&school, &other, &root.user_id, &[user::Role::Learner]),
    );
    assert!(one.is_ok() != two.is_ok(), "{one:?} {two:?}");
    let last = if one.is_ok() { &root } else { &other };
    let answer = update(&school, last, &last.user_id, &[user::Role::Learner]).await;
    refused(answer, Kind::Conflict, "LAST_ADMIN");
}

#[tokio::test]
async fn an_unconfirmed_or_blocked_administrator_does_not_count_as_another() {
    let school = School::open().await;
    let root = school.signed_in("root", &[Role::Admin]).await;
    let sleeper = school.register("sleeper").await;
    update(&school, &root, &sleeper.id, &[user::Role::Admin]).await.unwrap();
    let answer = update(&school, &root, &root.user_id, &[user::Role::Learner]).await;
    refused(answer, Kind::Conflict, "LAST_ADMIN");
}

#[tokio::test]
async fn the_etag_and_the_roles_are_checked() {
    let school = School::open().await;
    let admin = school.signed_in("root", &[Role::Admin]).await;
    let Person { id: user_id, .. } = school.person("anna").await;
    let request = |roles: Vec<i32>, etag: &str| {
        let request = UpdateUserRolesRequest { user_id: user_id.clone(), roles, etag: etag.to_owned() };
        let mut door = school.users_of(&admin);
        async move { door.update_user_roles(request).await }
    };
    invalid(request(vec![], "").await, &["roles"]);
    invalid(request(vec![1, 0, 99], "").await, &["roles[1]", "roles[2]"]);
    refused(request(vec![2], "77").await, Kind::Stale, "ETAG_MISMATCH");
    let etag =
        school.users_of(&admin).get_user(GetUserRequest { user_id: user_id.clone() }).await.unwrap().into_inner().etag;
    request(vec![2], &etag).await.unwrap();
}

#[tokio::test]
async fn nobody_is_not_found() {
    let school = School::open().await;
    let admin = school.signed_in("root", &[Role::Admin]).await;
    let answer = update(&school, &admin, "00000000-0000-7000-8000-000000000000", &[user::Role::Learner]).await;
    refused(answer, Kind::NotFound, "USER_NOT_FOUND");
    for id in ["", "nonsense"] {
        invalid(update(&school, &admin, id, &[user::Role::Learner]).await, &["user_id"]);
    }
}
