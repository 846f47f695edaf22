//! Forgetting a person.

use proto::lyceum::{
    events::v1::{UserErased, code_issued::Purpose},
    users::v1::{
        BlockUserRequest, EraseUserRequest, GetUserRequest, GiveConsentRequest, RequestPasswordResetRequest,
        SessionTokens, user,
    },
};
use rpc::Kind;
use testkit::announced;
use tonic::Status;
use users::domain::role::Role;

use crate::helpers::{PASSWORD, Person, School, credentials, from, invalid, refused};

async fn erase(school: &School, by: &SessionTokens, whose: &str, password: &str) -> Result<(), Status> {
    let request = EraseUserRequest { user_id: whose.to_owned(), password: password.to_owned() };
    school.users_of(by).erase_user(from("203.0.113.7", request)).await.map(|_| ())
}

/// Every row of the database as text, except what waits to be sent.
async fn dump(school: &School) -> String {
    let mut all = String::new();
    let tables = ["users", "credentials", "codes", "throttles", "sessions", "consents", "audit_entries", "idempotency"];
    for table in tables {
        let rows = format!("select coalesce(string_agg(t::text, ' '), '') from {table} as t");
        let rows: String = sqlx::query_scalar(sqlx::AssertSqlSafe(rows)).fetch_one(&school.db.pool).await.unwrap();
        all.push_str(&rows);
    }
    all
}

/// Somebody who left traces everywhere.
async fn busy(school: &School) -> (Person, SessionTokens) {
    let anna = school.person("anna").await;
    let signing_in = from("203.0.113.7", credentials(&anna.email, PASSWORD));
    let tokens = school.auth().sign_in(signing_in).await.unwrap().into_inner();
    let consent = GiveConsentRequest { document: "terms".into(), version: "1".into() };
    school.users_of(&tokens).give_consent(from("203.0.113.7", consent)).await.unwrap();
    let reset = RequestPasswordResetRequest { email: anna.email.clone() };
    school.auth().request_password_reset(from("203.0.113.7", reset)).await.unwrap();
    (anna, tokens)
}

#[tokio::test]
async fn nothing_personal_is_left_and_the_id_stays() {
    let school = School::open().await;
    let admin = school.signed_in("root", &[Role::Admin]).await;
    let (anna, tokens) = busy(&school).await;
    let block = BlockUserRequest { user_id: anna.id.clone(), reason: "Anna wrote rude things".into() };
    school.users_of(&admin).block_user(block).await.unwrap();
    for personal in ["anna@example.com", "203.0.113.7", "Browser/1.0", "rude"] {
        assert!(dump(&school).await.contains(personal), "{personal} is there before");
    }
    erase(&school, &admin, &anna.id, "").await.unwrap();

    let rows = dump(&school).await;
    for personal in ["anna@example.com", "Anna", "203.0.113.7,", "Browser/1.0\"", "rude"] {
        let in_the_admins_line = rows.matches(personal).count();
        // The administrator's own address stays in the line that says what the administrator did.
        let expected = usize::from(personal.starts_with("203") || personal.starts_with("Browser"));
        assert!(in_the_admins_line <= expected, "{personal} is left: {rows}");
    }
    let user =
        school.users_of(&admin).get_user(GetUserRequest { user_id: anna.id.clone() }).await.unwrap().into_inner();
    assert_eq!((user.state(), user.user_id.as_str()), (user::State::Erased, anna.id.as_str()));
    assert_eq!((user.email, user.display_name, user.language, user.time_zone), (None, None, None, None));
    assert!(school.is_revoked(&tokens).await);
    assert_eq!(school.events::<UserErased>().await, [UserErased { user_id: anna.id.clone() }]);
    let events = announced(&school.db.pool).await;
    let of_anna: Vec<_> = events.iter().filter(|event| event.aggregate_id.to_string() == anna.id).collect();
    let (erased, before) = of_anna.split_last().unwrap();
    assert!(before.iter().all(|event| event.aggregate_version < erased.aggregate_version));
    assert!(school.audit(&anna).await.contains(&"SIGNED_IN".to_owned()), "what was done stays on record");
    refused(school.try_sign_in(&anna.email, PASSWORD).await, Kind::Unauthenticated, "CREDENTIALS_INVALID");
}

#[tokio::test]
async fn people_erase_themselves_with_their_password() {
    let school = School::open().await;
    let (anna, tokens) = busy(&school).await;
    invalid(erase(&school, &tokens, &anna.id, "").await, &["password"]);
    refused(erase(&school, &tokens, &anna.id, "not the password").await, Kind::Forbidden, "PASSWORD_WRONG");
    erase(&school, &tokens, &anna.id, PASSWORD).await.unwrap();
    let rows = dump(&school).await;
    assert!(!rows.contains("203.0.113.7") && !rows.contains("Browser/1.0"), "{rows}");
}

#[tokio::test]
async fn nobody_erases_somebody_else_without_the_permission() {
    let school = School::open().await;
    let anna = school.person("anna").await;
    for (name, role) in [("boris", Role::Learner), ("manager", Role::Manager), ("support", Role::Support)] {
        let tokens = school.signed_in(name, &[role]).await;
        refused(erase(&school, &tokens, &anna.id, PASSWORD).await, Kind::Forbidden, "PERMISSION_DENIED");
        let unknown = erase(&school, &tokens, "00000000-0000-7000-8000-000000000000", "").await;
        refused(unknown, Kind::Forbidden, "PERMISSION_DENIED");
    }
    school.sign_in(&anna).await;
}

#[tokio::test]
async fn erasing_twice_is_no_mistake_and_the_last_administrator_stays() {
    let school = School::open().await;
    let admin = school.signed_in("root", &[Role::Admin]).await;
    let anna = school.person("anna").await;
    for _ in 0..2 {
        erase(&school, &admin, &anna.id, "").await.unwrap();
    }
    assert_eq!(school.events::<UserErased>().await.len(), 1);
    refused(erase(&school, &admin, &admin.user_id, PASSWORD).await, Kind::Conflict, "LAST_ADMIN");
}

#[tokio::test]
async fn an_erased_account_cannot_be_changed_and_its_address_is_free_again() {
    let school = School::open().await;
    let admin = school.signed_in("root", &[Role::Admin]).await;
    let anna = school.person("anna").await;
    erase(&school, &admin, &anna.id, "").await.unwrap();
    let block = BlockUserRequest { user_id: anna.id.clone(), reason: "late".into() };
    refused(school.users_of(&admin).block_user(block).await, Kind::Conflict, "ACCOUNT_ERASED");
    let again = school.person("anna").await;
    assert_ne!(again.id, anna.id);
    assert_eq!(school.codes(&again, Purpose::ConfirmEmail).await.len(), 1);
}
