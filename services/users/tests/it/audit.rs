//! The audit log.

use proto::lyceum::users::v1::{ListAuditEntriesRequest, ListAuditEntriesResponse, SessionTokens};
use rpc::Kind;
use time::Duration;
use tonic::{Response, Status};
use users::domain::role::Role;
use values::Clock;

use crate::helpers::{PASSWORD, School, credentials, from, invalid, refused};

async fn list(
    school: &School,
    by: &SessionTokens,
    request: ListAuditEntriesRequest,
) -> Result<ListAuditEntriesResponse, Status> {
    school.users_of(by).list_audit_entries(request).await.map(Response::into_inner)
}

#[tokio::test]
async fn the_log_says_who_did_what_to_whom_from_where_in_which_request() {
    let school = School::open().await;
    let admin = school.signed_in("root", &[Role::Admin]).await;
    let anna = school.person("anna").await;
    let mut request = from("203.0.113.7", credentials(&anna.email, PASSWORD));
    request.metadata_mut().insert(rpc::REQUEST_ID, "request-77".parse().unwrap());
    let tokens = school.auth().sign_in(request).await.unwrap().into_inner();

    let request = ListAuditEntriesRequest {
        target_user_id: anna.id.clone(),
        actor: format!("user:{}", anna.id),
        action: "SIGNED_IN".into(),
        ..ListAuditEntriesRequest::default()
    };
    let entries = list(&school, &admin, request).await.unwrap().audit_entries;
    assert_eq!(entries.len(), 1);
    let entry = &entries[0];
    assert_eq!((entry.target_user_id(), entry.action.as_str()), (anna.id.as_str(), "SIGNED_IN"));
    assert_eq!((entry.address(), entry.request_id.as_str()), ("203.0.113.7", "request-77"));
    assert_eq!(entry.details["session"], tokens.session_id);
}

#[tokio::test]
async fn failed_sign_ins_are_logged_for_known_and_unknown_addresses_without_naming_them() {
    let school = School::open().await;
    let admin = school.signed_in("root", &[Role::Admin]).await;
    let anna = school.person("anna").await;
    for email in [anna.email.as_str(), "nobody@example.com"] {
        school.clock.advance(Duration::seconds(1));
        school.try_sign_in(email, "not the password").await.unwrap_err();
    }
    let request = ListAuditEntriesRequest { action: "SIGN_IN_FAILED".into(), ..ListAuditEntriesRequest::default() };
    let entries = list(&school, &admin, request).await.unwrap().audit_entries;
    let targets: Vec<_> = entries.iter().map(|entry| entry.target_user_id.as_deref()).collect();
    assert_eq!(targets, [None, Some(anna.id.as_str())]);
    assert!(entries.iter().all(|entry| entry.details.is_empty()));
}

#[tokio::test]
async fn the_log_is_read_by_when_something_happened() {
    let school = School::open().await;
    let admin = school.signed_in("root", &[Role::Admin]).await;
    school.clock.advance(Duration::seconds(10));
    let (start, end) = (school.clock.now(), school.clock.now() + Duration::seconds(10));
    let anna = school.person("anna").await;
    school.clock.advance(Duration::seconds(10));
    school.person("boris").await;
    let request = ListAuditEntriesRequest {
        occurred_from: Some(start.into()),
        occurred_before: Some(end.into()),
        ..ListAuditEntriesRequest::default()
    };
    let entries = list(&school, &admin, request).await.unwrap().audit_entries;
    assert!(!entries.is_empty() && entries.iter().all(|entry| entry.target_user_id() == anna.id));
}

#[tokio::test]
async fn the_log_is_paged_and_bad_filters_are_refused() {
    let school = School::open().await;
    let admin = school.signed_in("root", &[Role::Admin]).await;
    school.person("anna").await;
    let (mut seen, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = ListAuditEntriesRequest { page_size: 2, page_token, ..ListAuditEntriesRequest::default() };
        let page = list(&school, &admin, request).await.unwrap();
        seen.extend(page.audit_entries.into_iter().map(|entry| entry.audit_entry_id));
        page_token = page.next_page_token.unwrap_or_default();
        if page_token.is_empty() {
            break;
        }
    }
    let all: i64 = sqlx::query_scalar("select count(*) from audit_entries").fetch_one(&school.db.pool).await.unwrap();
    assert_eq!(i64::try_from(seen.len()).unwrap(), all);
    let bad = ListAuditEntriesRequest {
        target_user_id: "anna".into(),
        actor: "user:\0".into(),
        action: "x".repeat(101),
        page_size: -1,
        page_token: "nonsense".into(),
        ..ListAuditEntriesRequest::default()
    };
    invalid(list(&school, &admin, bad).await, &["page_size", "page_token", "target_user_id", "actor", "action"]);
}

#[tokio::test]
async fn only_auditors_read_it() {
    let school = School::open().await;
    for (name, role) in [("manager", Role::Manager), ("support", Role::Support), ("learner", Role::Learner)] {
        let tokens = school.signed_in(name, &[role]).await;
        let answer = list(&school, &tokens, ListAuditEntriesRequest::default()).await;
        refused(answer, Kind::Forbidden, "PERMISSION_DENIED");
    }
}

#[tokio::test]
async fn the_database_itself_refuses_to_rewrite_the_log() {
    let school = School::open().await;
    school.person("anna").await;
    for forgery in [
        "update audit_entries set actor = 'user:somebody-else'",
        "update audit_entries set details = '{\"purpose\": \"another\"}'",
        "update audit_entries set address = '203.0.113.99'",
        "update audit_entries set target_user_id = null",
        "delete from audit_entries",
        "truncate audit_entries",
    ] {
        let error = sqlx::query(forgery).execute(&school.db.pool).await.unwrap_err();
        assert!(pg::violated(&error, "audit_entries_append_only"), "{forgery}: {error}");
    }
    sqlx::query("update audit_entries set address = null, details = '{}'").execute(&school.db.pool).await.unwrap();
}
