//! Somebody else's objects do not exist.

use anyhow::Result;
use journeys::{Expect, Wire};
use people::{Course, School};
use proto::lyceum::courses::v1::LessonKind;
use proto::lyceum::notifications::v1::notification::Kind;
use serde_json::json;

#[tokio::test]
async fn orders_attempts_sessions_and_notices_of_others_do_not_exist() -> Result<()> {
    let school = School::of_tests()?;
    let manager = school.staff("manager").await?;
    let course = Course::publish(&manager, "Чужие вещи").await?;
    let owner = school.learner().await?;
    let stranger = school.learner().await?;

    let order = owner.order(&course.product_id, "").await?.order_id;
    stranger.get(&format!("/v1/orders/{order}")).await.refused(404, "ORDER_NOT_FOUND");
    stranger.get(&format!("/v1/orders/{order}/payments")).await.refused(404, "ORDER_NOT_FOUND");
    stranger.post(&format!("/v1/orders/{order}/pay"), json!({})).await.refused(404, "ORDER_NOT_FOUND");
    stranger.post(&format!("/v1/orders/{order}/cancel"), json!({})).await.refused(404, "ORDER_NOT_FOUND");
    assert_eq!(stranger.get("/v1/orders").await.ok()["orders"], json!([]));

    manager.enrol(&owner, &course.run_id).await?;
    let attempt = owner.post(&format!("{}/attempts", course.lesson_path(LessonKind::Quiz)?), json!({})).await.ok();
    let attempt = format!("/v1/attempts/{}", attempt["attemptId"].as_str().expect("an attempt"));
    stranger.get(&attempt).await.refused(404, "ATTEMPT_NOT_FOUND");
    stranger
        .put(&format!("{attempt}/answers"), json!({"answers": [{"questionId": people::new_key(), "number": "1"}]}))
        .await
        .refused(404, "ATTEMPT_NOT_FOUND");
    stranger.post(&format!("{attempt}/submit"), json!({})).await.refused(404, "ATTEMPT_NOT_FOUND");

    let sessions = owner.get("/v1/me/sessions").await.ok();
    let session = sessions.pointer("/sessions/0/sessionId").and_then(|id| id.as_str()).expect("a session");
    stranger.post(&format!("/v1/me/sessions/{session}/revoke"), json!({})).await.refused(404, "SESSION_NOT_FOUND");

    let notice = owner.notice(Kind::EnrolmentStarted).await?.notification_id;
    stranger.post(&format!("/v1/notifications/{notice}/read"), json!({})).await.refused(404, "NOTIFICATION_NOT_FOUND");
    Ok(())
}
