//! The feed and the mails.

use journeys::{Course, School};
use serde_json::json;

#[tokio::test]
async fn a_read_notice_is_not_unread_any_more_and_mails_have_ids_of_their_own() {
    let school = School::new();
    let manager = school.staff("manager").await;
    let course = Course::publish(&manager, "Уведомления").await;
    let learner = school.learner().await;
    manager.post("/v1/enrolments", json!({"learnerId": learner.user_id, "runId": course.run_id})).await.ok();
    let notice = learner.notice("KIND_ENROLMENT_STARTED").await;
    let unread =
        async || learner.get("/v1/notifications?unreadOnly=true").await.ok()["notifications"].as_array().map(Vec::len);
    assert_eq!(unread().await, Some(1));
    learner.post(&format!("/v1/notifications/{notice}/read"), json!({})).await.ok();
    assert_eq!(unread().await, Some(0));
    school.mail(&learner.email, "the mail of the start", |mail| mail.text.contains("Уведомления")).await;
    let mails = school.mails(&learner.email).await;
    let ids: std::collections::HashSet<_> = mails.iter().map(|mail| &mail.message_id).collect();
    assert_eq!(ids.len(), mails.len());
}

#[tokio::test]
async fn a_mail_server_that_is_busy_for_a_moment_loses_no_mail() {
    let school = School::new();
    let email = format!("patient-{}@example.com", journeys::new_key());
    school.fault(json!({"on": "smtp", "kind": "451", "containing": email})).await;
    school.register(&email).await;
    assert_eq!(school.code(&email).await.len(), 6);
}
