//! The main journey: from an empty browser to a finished course.

use journeys::{Card, Course, School, eventually};
use serde_json::json;

#[tokio::test]
async fn a_visitor_registers_buys_learns_and_finishes() {
    let school = School::new();
    let manager = school.staff("manager").await;
    let title = format!("Крой юбки {}", &journeys::new_key()[..8]);
    let course = Course::publish(&manager, &title).await;
    let word = title.rsplit(' ').next().unwrap_or_default();
    let found = school.visitor().get(&format!("/v1/courses/search?query={word}")).await.ok();
    assert_eq!(found.pointer("/courses/0/courseId"), Some(&json!(course.course_id)), "{found}");
    let code = format!("SPRING{}", word.to_uppercase());
    let promo = json!({"code": code, "percentBasisPoints": 1000, "productIds": [course.product_id]});
    manager.post("/v1/promo-codes", promo).await.ok();

    let learner = school.learner().await;
    let locked = learner.get(&course.lesson_path("video")).await.ok();
    assert!(locked["video"].is_null(), "nobody sees content that they did not buy: {locked}");
    let order = learner.order(&course.product_id, &code.to_lowercase()).await;
    let placed = learner.get(&format!("/v1/orders/{order}")).await.ok();
    assert_eq!(placed["total"], json!({"minor": "134100", "currency": "RUB"}));
    let payment = learner.pay(&order).await;
    assert!(school.type_card(&payment.confirmation_url, Card::Good).await < 400);
    learner.order_in(&order, "STATE_PAID").await;
    learner.enrolment_in(&course.run_id, "STATE_ACTIVE").await;

    let half = learner.watch(&course, 1, 0, 30).await;
    assert_eq!(half["percent"], json!(50));
    let resume = learner.get(&format!("/v1/runs/{}/resume", course.run_id)).await.ok();
    assert_eq!((&resume["lessonId"], &resume["position"]), (&json!(course.lesson("video")), &json!("30s")));
    let whole = learner.watch(&course, 2, 20, 60).await;
    assert_eq!(whole["state"], json!("STATE_COMPLETED"));
    learner.learn(&course).await;
    learner.enrolment_in(&course.run_id, "STATE_COMPLETED").await;

    for event in ["KIND_ORDER_PAID", "KIND_ENROLMENT_STARTED", "KIND_COURSE_COMPLETED"] {
        learner.notice(event).await;
        assert_eq!(learner.notices(event).await.len(), 1, "{event} stands once in the feed");
    }
    eventually("mails of the payment, the start and the end", async || {
        let mails = school.mails(&learner.email).await;
        (mails.len() >= 4).then_some(())
    })
    .await;
}
