//! What browsers are told: who may call, what they may do with an answer, and how small it can be.

use proto::lyceum::courses::v1::{Course, GetCourseRequest};
use reqwest::{Method, RequestBuilder};

use crate::helpers::{HOME, World, ask, problem};

const APP: &str = "https://app.school.test";

async fn world(variables: &[(&str, &str)]) -> World {
    let world = World::with(variables).await;
    world.backend.on("courses.v1.CatalogService/GetCourse", |_: GetCourseRequest| {
        Ok(Course { title: "Rust ".repeat(400), ..Course::default() })
    });
    world
}

fn preflight(world: &World, origin: &str) -> RequestBuilder {
    let request = world.request(Method::OPTIONS, "/v1/orders").header("origin", origin);
    let request = request.header("access-control-request-method", "POST");
    request.header("access-control-request-headers", "authorization,content-type,idempotency-key")
}

#[tokio::test]
async fn configured_applications_may_call_with_cookies() {
    let world = world(&[("LYCEUM_CORS_ORIGINS", "https://app.school.test, http://localhost:5173")]).await;
    let answer = ask(preflight(&world, APP)).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("access-control-allow-origin"), APP);
    assert_eq!(answer.header("access-control-allow-credentials"), "true");
    assert_eq!(answer.header("access-control-max-age"), "600");
    for name in ["idempotency-key", "if-none-match", "last-event-id"] {
        assert!(answer.header("access-control-allow-headers").contains(name), "{name}");
    }
    assert!(answer.header("access-control-allow-methods").contains("PATCH"));

    let answer = ask(world.get("/v1/courses/x").header("origin", APP)).await;
    assert_eq!(answer.header("access-control-allow-origin"), APP);
    assert!(answer.header("access-control-expose-headers").contains("ratelimit"));
    let shown = answer.header("access-control-expose-headers");
    for name in ["x-request-id", "etag", "content-disposition", "retry-after"] {
        assert!(shown.contains(name), "{name} in {shown}");
    }
    let refused = ask(world.get("/v1/nothing").header("origin", APP)).await;
    assert_eq!(refused.header("access-control-allow-origin"), APP, "a page must be able to read a refusal");
    problem(refused, 404, "NO_SUCH_PATH");
}

#[tokio::test]
async fn other_applications_may_not_read_anything() {
    let world = world(&[("LYCEUM_CORS_ORIGINS", APP)]).await;
    let answer = ask(preflight(&world, "https://evil.test")).await;
    assert_eq!(answer.header("access-control-allow-origin"), "");
    let answer = ask(world.get("/v1/courses/x").header("origin", "https://evil.test")).await;
    assert_eq!(answer.header("access-control-allow-origin"), "");
}

#[tokio::test]
async fn without_configuration_no_other_origin_is_let_in() {
    let world = world(&[]).await;
    let answer = ask(preflight(&world, HOME)).await;
    assert_eq!(answer.header("access-control-allow-origin"), "");
    problem(answer, 405, "METHOD_NOT_ALLOWED");
}

#[tokio::test]
async fn every_answer_has_the_headers_of_a_careful_server() {
    let world = world(&[]).await;
    for path in ["/v1/courses/x", "/v1/nothing", "/v1/me", "/openapi.json", "/docs", "/.well-known/jwks.json"] {
        let answer = ask(world.get(path)).await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("x-frame-options"), "DENY", "{path}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{path}");
        assert_eq!(answer.header("strict-transport-security"), "max-age=31536000; includeSubDomains", "{path}");
        let policy = answer.header("content-security-policy");
        assert!(
            policy.starts_with("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
            "{path}: {policy}"
        );
        assert_eq!(answer.header("x-request-id").len(), 36, "{path}");
    }
}

#[tokio::test]
async fn plain_http_does_not_promise_https() {
    let world = world(&[("LYCEUM_PUBLIC_URL", "http://localhost:8080")]).await;
    assert_eq!(ask(world.get("/v1/courses/x")).await.header("strict-transport-security"), "");
}

#[tokio::test]
async fn answers_are_compressed_for_those_who_can_read_it() {
    let world = world(&[]).await;
    let plain = ask(world.get("/v1/courses/x")).await;
    assert_eq!(plain.header("content-encoding"), "");
    let small = ask(world.get("/v1/courses/x").header("accept-encoding", "gzip, br")).await;
    assert_eq!(small.header("content-encoding"), "gzip");
    assert!(
        small.headers.get_all("vary").iter().any(|vary| vary.to_str().unwrap().contains("accept-encoding")),
        "{:?}",
        small.headers
    );
}

#[tokio::test]
async fn a_client_that_takes_no_encoding_of_ours_gets_plain_text() {
    let world = world(&[]).await;
    for accepted in ["br", "identity;q=0", "gzip;q=0, identity;q=0", "*;q=0"] {
        let answer = ask(world.get("/v1/courses/x").header("accept-encoding", accepted)).await;
        assert_eq!((answer.status.as_u16(), answer.header("content-encoding")), (200, ""), "{accepted}");
    }
}

#[tokio::test]
async fn head_is_get_without_a_body() {
    let world = world(&[]).await;
    let answer = ask(world.request(Method::HEAD, "/v1/courses/x")).await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("content-type"), answer.text.as_str()),
        (200, "application/json", "")
    );
}
