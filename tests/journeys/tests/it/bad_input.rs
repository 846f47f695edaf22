//! Bad input gets a clear refusal, and nothing is lost.

use anyhow::Result;
use journeys::{Expect, Wire};
use people::School;
use reqwest::Method;
use serde_json::json;

#[tokio::test]
async fn bodies_that_are_no_json_unknown_fields_and_wrong_types_are_refused_with_their_names() -> Result<()> {
    let visitor = School::of_tests()?.visitor();
    let register = async |body: &str, headers: &[(&str, &str)]| {
        visitor.send(Method::POST, "/v1/auth/register", Some(body.to_owned()), headers).await
    };
    assert_eq!(register("{", &[]).await.status, 400);
    let problem = register(r#"{"email": 7, "pasword": "x"}"#, &[]).await;
    assert_eq!(problem.status, 400);
    let fields: Vec<_> =
        problem.body["violations"].as_array().into_iter().flatten().map(|v| v["field"].clone()).collect();
    assert_eq!(fields, [json!("email"), json!("pasword")], "{}", problem.body);
    let lenient = register(r#"{"email": "x@example.com", "pasword": "x"}"#, &[("prefer", "handling=lenient")]).await;
    assert!(!lenient.body.to_string().contains("pasword"), "{}", lenient.body);
    assert_eq!(visitor.get("/v1/courses?pageSise=3").await.status, 400);
    assert_eq!(visitor.get("/v1/courses?pageSize=three").await.status, 400);
    Ok(())
}

#[tokio::test]
async fn long_texts_bad_cursors_and_wrong_ids_are_refused() -> Result<()> {
    let school = School::of_tests()?;
    let learner = school.learner().await?;
    let long = json!({"displayName": "x".repeat(10_000)});
    assert_eq!(learner.patch("/v1/me", long).await.status, 400);
    assert_eq!(learner.get("/v1/courses?pageToken=not-a-token").await.status, 400);
    let of_another_list =
        learner.get("/v1/courses?pageSize=1").await.ok()["nextPageToken"].as_str().unwrap_or_default().to_owned();
    if !of_another_list.is_empty() {
        assert_eq!(learner.get(&format!("/v1/courses?language=en&pageToken={of_another_list}")).await.status, 400);
    }
    assert_eq!(learner.get("/v1/orders/not-an-id").await.status, 400);
    assert_eq!(learner.get(&format!("/v1/orders/{}", people::new_key())).await.status, 404);
    Ok(())
}

#[tokio::test]
async fn forged_and_missing_tokens_are_refused() -> Result<()> {
    let school = School::of_tests()?;
    let learner = school.learner().await?;
    school.visitor().get("/v1/me").await.refused(401, "SIGN_IN_REQUIRED");
    let token = learner.token().await;
    let forged = format!("{}AAAA", &token[..token.len() - 4]);
    for bad in [forged.as_str(), "nonsense", "a.b.c"] {
        assert_eq!(learner.with_token(bad).get("/v1/me").await.status, 401, "{bad}");
    }
    Ok(())
}

#[tokio::test]
async fn large_bodies_unknown_paths_and_wrong_verbs_are_problems_too() -> Result<()> {
    let visitor = School::of_tests()?.visitor();
    let large = json!({"email": "x".repeat(2_000_000)}).to_string();
    assert_eq!(visitor.send(Method::POST, "/v1/auth/register", Some(large), &[]).await.status, 413);
    assert_eq!(visitor.get("/v1/no-such-thing").await.status, 404);
    let wrong = visitor.send(Method::DELETE, "/v1/courses", None, &[]).await;
    assert_eq!(wrong.status, 405);
    assert!(wrong.headers.contains_key("allow"));
    let text =
        visitor.send(Method::POST, "/v1/auth/register", Some("{}".into()), &[("content-type", "text/plain")]).await;
    assert_eq!(text.status, 415);
    Ok(())
}

#[tokio::test]
async fn an_order_without_an_idempotency_key_is_refused() -> Result<()> {
    let learner = School::of_tests()?.learner().await?;
    let order = json!({"productId": people::new_key()}).to_string();
    let refused = learner.send(Method::POST, "/v1/orders", Some(order), &[]).await;
    assert_eq!((refused.status, refused.body["code"].as_str()), (400, Some("IDEMPOTENCY_KEY_REQUIRED")));
    Ok(())
}
