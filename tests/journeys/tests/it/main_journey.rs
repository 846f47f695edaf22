//! The main journey: from an empty browser to a finished course.

use anyhow::Result;
use journeys::{Expect, Wire};
use people::{Card, Course, School, Seen};
use proto::lyceum::courses::v1::lesson_progress::State;
use proto::lyceum::courses::v1::{LessonKind, enrolment};
use proto::lyceum::notifications::v1::notification::Kind;
use proto::lyceum::payments::v1::order;
use serde_json::json;

#[tokio::test]
async fn a_visitor_registers_buys_learns_and_finishes() -> Result<()> {
    let school = School::of_tests()?;
    let manager = school.staff("manager").await?;
    let title = format!("Крой юбки {}", &people::new_key()[..8]);
    let course = Course::publish(&manager, &title).await?;
    let word = title.rsplit(' ').next().unwrap_or_default();
    let found = school.visitor().get(&format!("/v1/courses/search?query={word}")).await.ok();
    assert_eq!(found.pointer("/courses/0/courseId"), Some(&json!(course.course_id)), "{found}");
    let code = format!("SPRING{}", word.to_uppercase());
    let promo = json!({"code": code, "percentBasisPoints": 1000, "productIds": [course.product_id]});
    manager.post("/v1/promo-codes", promo).await.ok();

    let learner = school.learner().await?;
    let locked = learner.get(&course.lesson_path(LessonKind::Video)?).await.ok();
    assert!(locked["video"].is_null(), "nobody sees content that they did not buy: {locked}");
    let order = learner.order(&course.product_id, &code.to_lowercase()).await?.order_id;
    let placed = learner.get(&format!("/v1/orders/{order}")).await.ok();
    assert_eq!(placed["total"], json!({"minor": "134100", "currency": "RUB"}));
    let payment = learner.pay(&order).await?;
    assert!(school.outside.type_card(payment.confirmation_url(), Card::Good).await? < 400);
    learner.order_in(&order, order::State::Paid).await?;
    learner.enrolment_in(&course.run_id, enrolment::State::Active).await?;

    let video = course.lesson(LessonKind::Video)?;
    let half = learner.watch(&course.run_id, video, 1, 0, 30).await?;
    assert_eq!(half.percent, 50);
    let resume = learner.get(&format!("/v1/runs/{}/resume", course.run_id)).await.ok();
    assert_eq!((&resume["lessonId"], &resume["position"]), (&json!(video), &json!("30s")));
    let whole = learner.watch(&course.run_id, video, 2, 20, 60).await?;
    assert_eq!(whole.state(), State::Completed);
    learner.learn(&course.run_id, &course.key).await?;
    learner.enrolment_in(&course.run_id, enrolment::State::Completed).await?;

    for event in [Kind::OrderPaid, Kind::EnrolmentStarted, Kind::CourseCompleted] {
        learner.notice(event).await?;
        assert_eq!(learner.notices(event).await?.len(), 1, "{event:?} stands once in the feed");
    }
    school
        .eventually("mails of the payment, the start and the end", async || {
            let mails = school.outside.mails(&learner.email).await?;
            let missing = format!("{} mails", mails.len());
            Ok(Seen::found(Some(()).filter(|()| mails.len() >= 4), &missing))
        })
        .await?;
    Ok(())
}
