//! Sessions: theft of a refresh token, signing out everywhere, and the browser's cookie door.

use anyhow::Result;
use journeys::{Expect, Wire, eventually};
use people::{PASSWORD, School};
use reqwest::Method;
use serde_json::json;

#[tokio::test]
async fn a_stolen_refresh_token_ends_the_session_of_thief_and_owner() -> Result<()> {
    let school = School::of_tests()?;
    let learner = school.learner().await?;
    let stolen = learner.tokens().await.refresh_token;
    let refresh = async |token: &str| school.visitor().post("/v1/auth/refresh", json!({"refreshToken": token})).await;
    let second = refresh(&stolen).await.ok();
    let second = second["refreshToken"].as_str().expect("a new refresh token").to_owned();
    let third = refresh(&second).await.ok();
    let third = third["refreshToken"].as_str().expect("a new refresh token").to_owned();
    // The thief comes with the first token, long after it was used.
    assert_eq!(refresh(&stolen).await.status, 401);
    // The family is revoked, so the owner has to sign in again too.
    assert_eq!(refresh(&third).await.status, 401);
    eventually("the access token is refused as well", async || {
        (learner.get("/v1/me").await.status == 401).then_some(())
    })
    .await;
    let mail =
        school.outside.mail(&learner.email, "a warning", |mail| mail.subject.contains("сеансы завершены")).await?;
    assert!(!mail.text.is_empty());
    Ok(())
}

#[tokio::test]
async fn signing_out_everywhere_ends_every_session() -> Result<()> {
    let school = School::of_tests()?;
    let here = school.learner().await?;
    let there = school.sign_in(&here.email, PASSWORD).await?;
    here.post("/v1/auth/sign-out-everywhere", json!({})).await.ok();
    for person in [&here, &there] {
        eventually("the access token is refused", async || (person.get("/v1/me").await.status == 401).then_some(()))
            .await;
        let again = school
            .visitor()
            .post("/v1/auth/refresh", json!({"refreshToken": person.tokens().await.refresh_token}))
            .await;
        assert_eq!(again.status, 401);
    }
    Ok(())
}

#[tokio::test]
async fn a_browser_gets_its_refresh_token_in_a_cookie_that_scripts_cannot_read() -> Result<()> {
    let school = School::of_tests()?;
    let learner = school.learner().await?;
    let sign_in = json!({"email": learner.email, "password": PASSWORD}).to_string();
    let same_site: &[(&str, &str)] = &[("sec-fetch-site", "same-origin")];
    let answer = school.visitor().send(Method::POST, "/session", Some(sign_in), same_site).await;
    let cookie = answer.headers["set-cookie"].to_str().expect("a readable cookie").to_owned();
    for attribute in ["__Host-", "HttpOnly", "Secure", "SameSite=Strict", "Path=/"] {
        assert!(cookie.contains(attribute), "{attribute} in {cookie}");
    }
    let body = answer.ok();
    assert!(body["accessToken"].is_string() && body["refreshToken"].is_null(), "{body}");
    let cookie = cookie.split(';').next().unwrap_or_default().to_owned();
    let refresh = async |site: &str| {
        let headers: &[(&str, &str)] = &[("sec-fetch-site", site), ("cookie", &cookie)];
        school.visitor().send(Method::POST, "/session/refresh", Some("{}".to_owned()), headers).await
    };
    assert_eq!(refresh("cross-site").await.status, 403, "another site must not use the cookie");
    assert!(refresh("same-origin").await.ok()["accessToken"].is_string());
    Ok(())
}
