//! One request is one trace, from the gateway through gRPC and RabbitMQ to whoever hears of it.

use std::collections::{BTreeSet, HashSet};

use anyhow::Result;
use journeys::{Expect, Wire};
use people::{Course, School, Seen};
use reqwest::Method;
use serde_json::json;

#[tokio::test]
async fn a_payment_is_one_trace_through_gateway_payments_courses_and_notifications() -> Result<()> {
    let school = School::of_tests()?;
    let course = Course::publish(&school.staff("manager").await?, "Один след").await?;
    let learner = school.learner().await?;
    // A free order settles at once, so that everything follows from this one request.
    let promo =
        json!({"code": format!("FREE{}", &people::new_key()[..8].to_uppercase()), "percentBasisPoints": 10_000});
    let promo = school.staff("manager").await?.post("/v1/promo-codes", promo).await.ok();
    let order = json!({"productId": course.product_id, "promoCode": promo["code"]}).to_string();
    let trace = people::new_key().replace('-', "");
    let headers: &[(&str, &str)] =
        &[("traceparent", &format!("00-{trace}-00f067aa0ba902b7-01")), ("idempotency-key", &people::new_key())];
    let placed = learner.send(Method::POST, "/v1/orders", Some(order), headers).await.ok();
    assert_eq!(placed["state"], json!("STATE_PAID"), "{placed}");
    let wanted: BTreeSet<_> = ["gateway", "payments", "courses", "notifications"].map(str::to_owned).into();
    let look = school.eventually("spans of every service on the way", async || {
        let spans = school.outside.spans(&trace).await?;
        let services: BTreeSet<_> = spans.iter().map(|span| span.service.clone()).collect();
        let ids: HashSet<_> = spans.iter().map(|span| span.span_id.as_str()).collect();
        let hangs_together = spans
            .iter()
            .all(|span| ids.contains(span.parent_span_id.as_str()) || span.parent_span_id == "00f067aa0ba902b7");
        let whole = services.is_superset(&wanted) && hangs_together;
        Ok(Seen::found(Some(()).filter(|()| whole), &format!("{services:?}, hangs together: {hangs_together}")))
    });
    look.await
}
