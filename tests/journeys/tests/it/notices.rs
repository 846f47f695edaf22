//! The feed and the mails.

use anyhow::Result;
use journeys::{Expect, Wire};
use people::{Course, Newcomer, School};
use proto::lyceum::notifications::v1::notification::Kind;
use serde_json::json;

#[tokio::test]
async fn a_read_notice_is_not_unread_any_more_and_mails_have_ids_of_their_own() -> Result<()> {
    let school = School::of_tests()?;
    let manager = school.staff("manager").await?;
    let course = Course::publish(&manager, "Уведомления").await?;
    let learner = school.learner().await?;
    manager.enrol(&learner, &course.run_id).await?;
    let notice = learner.notice(Kind::EnrolmentStarted).await?.notification_id;
    let unread =
        async || learner.get("/v1/notifications?unreadOnly=true").await.ok()["notifications"].as_array().map(Vec::len);
    assert_eq!(unread().await, Some(1));
    learner.post(&format!("/v1/notifications/{notice}/read"), json!({})).await.ok();
    assert_eq!(unread().await, Some(0));
    school.outside.mail(&learner.email, "the mail of the start", |mail| mail.text.contains("Уведомления")).await?;
    let mails = school.outside.mails(&learner.email).await?;
    let ids: std::collections::HashSet<_> = mails.iter().map(|mail| &mail.message_id).collect();
    assert_eq!(ids.len(), mails.len());
    Ok(())
}

#[tokio::test]
async fn a_mail_server_that_is_busy_for_a_moment_loses_no_mail() -> Result<()> {
    let school = School::of_tests()?;
    let patient = Newcomer::called("patient", "Анна Каренина");
    let email = &patient.email;
    school.outside.fault(json!({"on": "smtp", "kind": "451", "containing": email})).await?;
    school.register(&patient).await?;
    assert_eq!(school.outside.code(email).await?.1.len(), 6);
    Ok(())
}
