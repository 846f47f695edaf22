//! Services that are down, slow or restarting, and a Redis that is not there.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use proto::lyceum::{
    courses::v1::{Course, GetCourseRequest},
    payments::v1::{CreateOrderRequest, Order},
    users::v1::{GetMeRequest, SessionTokens, SignInRequest, User},
};
use serde_json::json;
use tonic::Status;

use crate::helpers::{World, ask, problem};

const GET_COURSE: &str = "courses.v1.CatalogService/GetCourse";
const CREATE_ORDER: &str = "payments.v1.OrderService/CreateOrder";
const SIGN_IN: &str = "users.v1.AuthService/SignIn";
/// A port where nobody listens.
const NOBODY: &str = "http://127.0.0.1:9";

#[tokio::test]
async fn a_dead_service_is_a_503_that_says_when_to_come_back() {
    let world = World::with(&[("LYCEUM_COURSES_URL", NOBODY)]).await;
    let asked = Instant::now();
    let answer = ask(world.get("/v1/courses/x")).await;
    assert_eq!(answer.header("retry-after"), "1");
    let told = problem(answer, 503, "UNAVAILABLE");
    assert!(!told.to_string().contains("127.0.0.1"), "{told}");
    assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
    world.backend.on("users.v1.UserService/GetMe", |_: GetMeRequest| Ok(User::default()));
    assert_eq!(ask(world.get("/v1/me").bearer_auth(world.token(&[]))).await.status, 200, "the others go on");
}

#[tokio::test]
async fn a_slow_service_is_given_up_in_time() {
    let world = World::with(&[("LYCEUM_REQUEST_TIMEOUT", "300ms")]).await;
    world.backend.keep_silent(GET_COURSE);
    let asked = Instant::now();
    let answer = ask(world.get("/v1/courses/x")).await;
    assert_eq!(answer.header("retry-after"), "1");
    problem(answer, 504, "DEADLINE_EXCEEDED");
    assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
}

#[tokio::test]
async fn a_read_is_asked_again_and_a_write_is_not() {
    let world = World::new().await;
    let asked = AtomicUsize::new(0);
    world.backend.on(GET_COURSE, move |_: GetCourseRequest| match asked.fetch_add(1, Ordering::Relaxed) {
        0 => Err(Status::unavailable("restarting")),
        _ => Ok(Course::default()),
    });
    assert_eq!(ask(world.get("/v1/courses/x")).await.status, 200);
    assert_eq!(world.backend.calls(GET_COURSE).len(), 2);

    world.backend.on(SIGN_IN, |_: SignInRequest| Err::<SessionTokens, _>(Status::unavailable("restarting")));
    let request = world.post("/v1/auth/sign-in").json(&json!({"email": "a@b.c", "password": "x"}));
    problem(ask(request).await, 503, "UNAVAILABLE");
    assert_eq!(world.backend.calls(SIGN_IN).len(), 1);

    // A key makes it safe to ask again, but what a service says about itself is an answer.
    world.backend.on(CREATE_ORDER, |_: CreateOrderRequest| Err::<Order, _>(Status::unavailable("no provider")));
    let request = world.post("/v1/orders").bearer_auth(world.token(&[])).header("idempotency-key", "order-0001");
    problem(ask(request.json(&json!({"productId": "x"}))).await, 503, "UNAVAILABLE");
    assert_eq!(world.backend.calls(CREATE_ORDER).len(), 1);
}

#[tokio::test]
async fn a_service_without_its_database_is_a_503_at_once() {
    let world = World::new().await;
    world.backend.on(GET_COURSE, |_: GetCourseRequest| {
        let wait = Some(Duration::from_secs(1));
        let down = rpc::Problem::new(rpc::Kind::Unavailable, "UNAVAILABLE", "");
        Err::<Course, Status>(rpc::Problem { retry_after: wait, ..down }.into())
    });
    let asked = Instant::now();
    let answer = ask(world.get("/v1/courses/x")).await;
    assert_eq!(answer.header("retry-after"), "1");
    problem(answer, 503, "UNAVAILABLE");
    assert!(asked.elapsed() < Duration::from_millis(900), "the client waits better by itself: {:?}", asked.elapsed());
    assert_eq!(world.backend.calls(GET_COURSE).len(), 1);
}

#[tokio::test]
async fn without_redis_the_limits_are_counted_here() {
    let redis = [("LYCEUM_REDIS_URL", "redis://127.0.0.1:9"), ("LYCEUM_RATE_ADDRESS", "2")];
    let world = World::with(&redis).await;
    world.backend.on(GET_COURSE, |_: GetCourseRequest| Ok(Course::default()));
    for _ in 0..2 {
        assert_eq!(ask(world.get("/v1/courses/x")).await.status, 200);
    }
    problem(ask(world.get("/v1/courses/x")).await, 429, "TOO_MANY_REQUESTS");
}
