//! The doors for payment providers.

use proto::lyceum::payments::v1::{ReceiveWebhookRequest, ReceiveWebhookResponse};
use reqwest::Method;
use tonic::Status;

use crate::helpers::{World, ask, problem};

const RECEIVE: &str = "payments.v1.WebhookService/ReceiveWebhook";

async fn world(variables: &[(&str, &str)]) -> World {
    let world = World::with(variables).await;
    world.backend.on(RECEIVE, |_: ReceiveWebhookRequest| {
        Ok(ReceiveWebhookResponse { status: 200, content_type: "text/plain".into(), body: b"OK".to_vec() })
    });
    world
}

#[tokio::test]
async fn a_notification_is_handed_on_byte_for_byte() {
    let world = world(&[("LYCEUM_TRUSTED_PROXIES", "1")]).await;
    let body = b"{\"Token\" :  \"abc\", \"x\":\xff\x00}\r\n".to_vec();
    let request = world.post("/hooks/tbank").body(body.clone()).header("content-type", "application/json");
    let request = request.header("x-forwarded-for", "91.194.226.1").header("content-hmac", "c2lnbmF0dXJl");
    let answer = ask(request.header("cookie", "secret=1").header("x-signature", "s")).await;
    assert_eq!((answer.status.as_u16(), answer.text.as_str()), (200, "OK"));
    assert_eq!(answer.header("content-type"), "text/plain");
    let received: ReceiveWebhookRequest = world.backend.only_call(RECEIVE).message();
    assert_eq!((received.provider.as_str(), received.address.as_str()), ("tbank", "91.194.226.1"));
    assert_eq!(received.body, body);
    assert_eq!(received.headers["content-hmac"], "c2lnbmF0dXJl");
    assert_eq!(received.headers["x-signature"], "s");
    assert_eq!(received.headers["content-type"], "application/json");
    for kept in ["cookie", "host", "x-forwarded-for", "content-length", "x-request-id"] {
        assert!(!received.headers.contains_key(kept), "{kept}");
    }
}

#[tokio::test]
async fn payments_says_what_to_answer() {
    let world = world(&[]).await;
    world.backend.on(RECEIVE, |_: ReceiveWebhookRequest| {
        Ok(ReceiveWebhookResponse { status: 404, content_type: "application/json".into(), body: b"{}".to_vec() })
    });
    let answer = ask(world.post("/hooks/unknown").body("a=1&b=2")).await;
    assert_eq!((answer.status.as_u16(), answer.text.as_str()), (404, "{}"));
    world.backend.on(RECEIVE, |_: ReceiveWebhookRequest| {
        Ok(ReceiveWebhookResponse { status: 7, ..ReceiveWebhookResponse::default() })
    });
    assert_eq!(ask(world.post("/hooks/tbank").body("x")).await.status, 500);
}

#[tokio::test]
async fn a_provider_comes_back_when_payments_is_down() {
    let world = world(&[]).await;
    world.backend.on(RECEIVE, |_: ReceiveWebhookRequest| Err::<ReceiveWebhookResponse, _>(Status::unavailable("x")));
    let answer = ask(world.post("/hooks/tbank").body("x")).await;
    assert_eq!(answer.header("retry-after"), "1");
    problem(answer, 503, "UNAVAILABLE");
}

#[tokio::test]
async fn what_no_provider_sends_is_refused() {
    let world = world(&[("LYCEUM_BODY_LIMIT", "1024"), ("LYCEUM_RATE_HOOKS", "7")]).await;
    problem(ask(world.post("/hooks/tbank").body("x".repeat(65_537))).await, 413, "BODY_TOO_LARGE");
    assert_eq!(ask(world.post("/hooks/tbank").body("x".repeat(65_536))).await.status, 200);
    for provider in ["TBank", "t.bank", "%ff", &"x".repeat(33)] {
        problem(ask(world.post(&format!("/hooks/{provider}")).body("x")).await, 404, "NO_SUCH_PROVIDER");
    }
    assert_eq!(ask(world.post("/hooks/tbank").body("x")).await.status, 200);
    problem(ask(world.post("/hooks/tbank").body("x")).await, 429, "TOO_MANY_REQUESTS");
    problem(ask(world.request(Method::GET, "/hooks/tbank")).await, 405, "METHOD_NOT_ALLOWED");
}
