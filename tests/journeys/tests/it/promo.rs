//! The last use of a promo code goes to one of two.

use anyhow::Result;
use journeys::{Expect, Wire};
use people::{Course, School, new_key};
use serde_json::json;

#[tokio::test]
async fn two_people_race_for_the_last_use_and_one_gets_it() -> Result<()> {
    let school = School::of_tests()?;
    let manager = school.staff("manager").await?;
    let course = Course::publish(&manager, "Последняя скидка").await?;
    let code = format!("LAST{}", new_key()[..8].to_uppercase());
    let promo = json!({"code": code, "percentBasisPoints": 5000, "maxUses": 1, "productIds": [course.product_id]});
    manager.post("/v1/promo-codes", promo).await.ok();
    let (one, other) = tokio::try_join!(school.learner(), school.learner())?;
    let order = json!({"productId": course.product_id, "promoCode": code});
    let (first, second) = tokio::join!(one.post("/v1/orders", order.clone()), other.post("/v1/orders", order.clone()));
    let mut answers = [(first, &one), (second, &other)];
    answers.sort_by_key(|(answer, _)| answer.status);
    let [(won, winner), (lost, loser)] = answers;
    let won = won.ok();
    assert!((400..500).contains(&lost.status), "{} {}", lost.status, lost.body);
    assert_eq!(won["total"]["minor"], json!("74500"));
    // Who gives the order up gives the use back.
    let id = won["orderId"].as_str().unwrap_or_default();
    winner.post(&format!("/v1/orders/{id}/cancel"), json!({})).await.ok();
    loser.post("/v1/orders", order).await.ok();
    Ok(())
}
