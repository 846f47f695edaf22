//! One idempotency key is one order, however often and however fast it comes.

use std::collections::HashSet;

use anyhow::Result;
use journeys::{Expect, Wire, eventually};
use people::{Course, School, new_key};
use serde_json::json;

#[tokio::test]
async fn ten_orders_at_once_under_one_key_are_one_order() -> Result<()> {
    let school = School::of_tests()?;
    let course = Course::publish(&school.staff("manager").await?, "Дважды не платят").await?;
    let learner = school.learner().await?;
    let (key, order) = (new_key(), json!({"productId": course.product_id}));
    let at_once = (0..10).map(|_| {
        let (learner, key, order) = (learner.clone(), key.clone(), order.clone());
        async move {
            // A request that is still running is a conflict with a time to come back.
            eventually("the order is answered", async || {
                let answer = learner.post_keyed("/v1/orders", &key, order.clone()).await;
                if answer.status != 409 {
                    return Some(answer.ok());
                }
                assert!(answer.headers.contains_key("retry-after"), "{:?}", answer.headers);
                answer.refused(409, "IDEMPOTENCY_KEY_IN_USE");
                None
            })
            .await
        }
    });
    let answers = futures::future::join_all(at_once).await;
    let orders: HashSet<_> = answers.iter().map(|answer| answer["orderId"].to_string()).collect();
    assert_eq!(orders.len(), 1, "{orders:?}");
    assert_eq!(learner.get("/v1/orders").await.ok()["orders"].as_array().map(Vec::len), Some(1));
    let other = json!({"productId": course.product_id, "promoCode": "START10"});
    learner.post_keyed("/v1/orders", &key, other).await.refused(409, "IDEMPOTENCY_KEY_REUSED");
    Ok(())
}
