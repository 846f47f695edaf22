//! Closing an account for now.

use proto::{
    lyceum::{
        events::v1::{SessionsRevoked, sessions_revoked::Reason},
        users::v1::{
            BlockUserRequest, RefreshSessionRequest, SessionTokens, UnblockUserRequest, UpdateMeRequest, User, user,
        },
    },
    wkt::FieldMask,
};
use rpc::Kind;
use tonic::{Response, Status};
use users::domain::role::Role;

use crate::helpers::{PASSWORD, School, invalid, refused};

async fn block(school: &School, by: &SessionTokens, whose: &str, reason: &str) -> Result<User, Status> {
    let request = BlockUserRequest { user_id: whose.to_owned(), reason: reason.to_owned() };
    school.users_of(by).block_user(request).await.map(Response::into_inner)
}

async fn unblock(school: &School, by: &SessionTokens, whose: &str) -> Result<User, Status> {
    let request = UnblockUserRequest { user_id: whose.to_owned() };
    school.users_of(by).unblock_user(request).await.map(Response::into_inner)
}

#[tokio::test]
async fn a_blocked_person_is_out_at_once_and_back_when_unblocked() {
    let school = School::open().await;
    let admin = school.signed_in("root", &[Role::Admin]).await;
    let anna = school.person("anna").await;
    let tokens = school.sign_in(&anna).await;
    let blocked = block(&school, &admin, &anna.id, "spam").await.unwrap();
    assert_eq!(blocked.state(), user::State::Blocked);

    assert!(school.is_revoked(&tokens).await);
    let refresh = RefreshSessionRequest { refresh_token: tokens.refresh_token.clone() };
    refused(school.auth().refresh_session(refresh).await, Kind::Unauthenticated, "REFRESH_TOKEN_INVALID");
    refused(school.try_sign_in(&anna.email, PASSWORD).await, Kind::Forbidden, "ACCOUNT_BLOCKED");
    let wrong = school.try_sign_in(&anna.email, "not the password").await;
    refused(wrong, Kind::Unauthenticated, "CREDENTIALS_INVALID");
    let rename = UpdateMeRequest {
        user: Some(User { display_name: Some("Anna".into()), ..User::default() }),
        update_mask: Some(FieldMask { paths: vec!["display_name".into()] }),
        etag: String::new(),
    };
    let late = school.users_of(&tokens).update_me(rename).await;
    refused(late, Kind::Forbidden, "ACCOUNT_BLOCKED");
    assert_eq!(school.events::<SessionsRevoked>().await[0].reason(), Reason::Blocked);

    assert_eq!(unblock(&school, &admin, &anna.id).await.unwrap().state(), user::State::Active);
    school.sign_in(&anna).await;
    let log = school.audit(&anna).await;
    assert!(log.contains(&"BLOCKED".to_owned()) && log.contains(&"UNBLOCKED".to_owned()));
}

#[tokio::test]
async fn doing_it_twice_is_no_mistake() {
    let school = School::open().await;
    let admin = school.signed_in("root", &[Role::Admin]).await;
    let anna = school.person("anna").await;
    let once = block(&school, &admin, &anna.id, "spam").await.unwrap();
    assert_eq!(block(&school, &admin, &anna.id, "fraud").await.unwrap(), once);
    let once = unblock(&school, &admin, &anna.id).await.unwrap();
    assert_eq!(unblock(&school, &admin, &anna.id).await.unwrap(), once);
}

#[tokio::test]
async fn an_unconfirmed_account_is_unconfirmed_again_afterwards() {
    let school = School::open().await;
    let admin = school.signed_in("root", &[Role::Admin]).await;
    let anna = school.register("anna").await;
    block(&school, &admin, &anna.id, "spam").await.unwrap();
    assert_eq!(unblock(&school, &admin, &anna.id).await.unwrap().state(), user::State::Unconfirmed);
}

#[tokio::test]
async fn only_administrators_block_and_not_themselves() {
    let school = School::open().await;
    let admin = school.signed_in("root", &[Role::Admin]).await;
    let anna = school.person("anna").await;
    let support = school.signed_in("support", &[Role::Support]).await;
    refused(block(&school, &support, &anna.id, "spam").await, Kind::Forbidden, "PERMISSION_DENIED");
    refused(unblock(&school, &support, &anna.id).await, Kind::Forbidden, "PERMISSION_DENIED");
    refused(block(&school, &admin, &admin.user_id, "oops").await, Kind::Conflict, "OWN_ACCOUNT");
}

#[tokio::test]
async fn a_reason_is_required() {
    let school = School::open().await;
    let admin = school.signed_in("root", &[Role::Admin]).await;
    let anna = school.person("anna").await;
    invalid(block(&school, &admin, &anna.id, " ").await, &["reason"]);
    invalid(block(&school, &admin, "nonsense", "spam").await, &["user_id"]);
    let nobody = "00000000-0000-7000-8000-000000000000";
    refused(block(&school, &admin, nobody, "spam").await, Kind::NotFound, "USER_NOT_FOUND");
}
