//! How often somebody may ask, and how they are told.

use proto::lyceum::{
    courses::v1::{Course, GetCourseRequest},
    users::v1::{GetMeRequest, SessionTokens, SignInRequest, User},
};
use serde_json::json;

use crate::helpers::{World, ask, problem};

async fn world(variables: &[(&str, &str)]) -> World {
    let world = World::with(variables).await;
    world.backend.on("courses.v1.CatalogService/GetCourse", |_: GetCourseRequest| Ok(Course::default()));
    world.backend.on("users.v1.UserService/GetMe", |_: GetMeRequest| Ok(User::default()));
    world.backend.on("users.v1.AuthService/SignIn", |_: SignInRequest| Ok(SessionTokens::default()));
    world
}

#[tokio::test]
async fn a_person_has_a_limit_wherever_they_are() {
    let world = world(&[("LYCEUM_RATE_CALLER", "3"), ("LYCEUM_RATE_ADDRESS", "1")]).await;
    let token = world.token(&[]);
    for left in (0..3).rev() {
        let answer = ask(world.get("/v1/me").bearer_auth(&token)).await;
        assert_eq!(answer.status, 200);
        assert!(
            answer.header("ratelimit").starts_with(&format!("\"caller\";r={left};t=")),
            "{}",
            answer.header("ratelimit")
        );
        assert_eq!(answer.header("ratelimit-policy"), "\"caller\";q=3;w=60");
    }
    let refused = ask(world.get("/v1/me").bearer_auth(&token)).await;
    let wait: u64 = refused.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    problem(refused, 429, "TOO_MANY_REQUESTS");
    let neighbour = ask(world.get("/v1/me").bearer_auth(world.token(&[]))).await;
    assert_eq!(neighbour.status, 200, "a class behind one address does not block itself");
}

#[tokio::test]
async fn strangers_are_counted_by_the_address_that_our_proxy_saw() {
    let world = world(&[("LYCEUM_RATE_ADDRESS", "1"), ("LYCEUM_TRUSTED_PROXIES", "1")]).await;
    let from = |chain: &'static str| world.get("/v1/courses/x").header("x-forwarded-for", chain);
    assert_eq!(ask(from("203.0.113.9")).await.status, 200);
    problem(ask(from("203.0.113.9")).await, 429, "TOO_MANY_REQUESTS");
    problem(ask(from("6.6.6.6, 203.0.113.9")).await, 429, "TOO_MANY_REQUESTS");
    assert_eq!(ask(from("203.0.113.10")).await.status, 200);
}

#[tokio::test]
async fn without_proxies_nobody_chooses_their_address() {
    let world = world(&[("LYCEUM_RATE_ADDRESS", "1")]).await;
    assert_eq!(ask(world.get("/v1/courses/x").header("x-forwarded-for", "203.0.113.9")).await.status, 200);
    let other = ask(world.get("/v1/courses/x").header("x-forwarded-for", "203.0.113.10")).await;
    problem(other, 429, "TOO_MANY_REQUESTS");
}

#[tokio::test]
async fn signing_in_has_a_stricter_limit_at_both_doors() {
    let world = world(&[("LYCEUM_RATE_SIGN_IN", "2")]).await;
    let body = json!({"email": "a@b.c", "password": "x"});
    let answer = ask(world.post("/v1/auth/sign-in").json(&body)).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.header("ratelimit-policy"), "\"address\";q=600;w=60, \"sign-in\";q=2;w=60");
    assert_eq!(ask(world.post("/session").json(&body)).await.status, 201);
    problem(ask(world.post("/session").json(&body)).await, 429, "TOO_MANY_REQUESTS");
    problem(ask(world.post("/v1/auth/sign-in").json(&body)).await, 429, "TOO_MANY_REQUESTS");
    let signed_in = world.post("/v1/auth/sign-in").json(&body).bearer_auth(world.token(&[]));
    problem(ask(signed_in).await, 429, "TOO_MANY_REQUESTS");
    assert_eq!(ask(world.get("/v1/courses/x")).await.status, 200, "reading goes on");
    problem(ask(world.post("/session/refresh").json(&json!({}))).await, 401, "SESSION_REQUIRED");
}

#[tokio::test]
async fn bad_tokens_cannot_be_tried_without_end() {
    let world = world(&[("LYCEUM_RATE_ADDRESS", "2")]).await;
    for _ in 0..2 {
        problem(ask(world.get("/v1/me").bearer_auth("guess")).await, 401, "TOKEN_INVALID");
    }
    problem(ask(world.get("/v1/me").bearer_auth("guess")).await, 429, "TOO_MANY_REQUESTS");
}

#[tokio::test]
async fn zero_switches_a_limit_off() {
    let world = world(&[("LYCEUM_RATE_ADDRESS", "0")]).await;
    let answer = ask(world.get("/v1/courses/x")).await;
    assert_eq!((answer.status.as_u16(), answer.header("ratelimit")), (200, ""));
}
