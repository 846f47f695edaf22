//! The session doors for browsers.

use proto::lyceum::users::v1::{RefreshSessionRequest, SessionTokens, SignInRequest, SignOutRequest};
use reqwest::{Method, RequestBuilder};
use rpc::Kind;
use serde_json::json;
use tonic::Status;

use crate::helpers::{Answer, HOME, World, ask, problem, refusal};

const SIGN_IN: &str = "users.v1.AuthService/SignIn";
const REFRESH: &str = "users.v1.AuthService/RefreshSession";
const SIGN_OUT: &str = "users.v1.AuthService/SignOut";

fn tokens(refresh: &str) -> SessionTokens {
    SessionTokens {
        access_token: "access".into(),
        token_type: "Bearer".into(),
        expires_in: 600,
        refresh_token: refresh.into(),
        refresh_expires_in: 86_400,
        session_id: "s1".into(),
        user_id: "u1".into(),
    }
}

async fn world(variables: &[(&str, &str)]) -> World {
    let world = World::with(variables).await;
    world.backend.on(SIGN_IN, |request: SignInRequest| match request.password.as_str() {
        "right" => Ok(tokens("first")),
        _ => Err(refusal(Kind::Unauthenticated, "CREDENTIALS_INVALID", &[])),
    });
    world.backend.on(REFRESH, |request: RefreshSessionRequest| match request.refresh_token.as_str() {
        "first" => Ok(tokens("second")),
        "down" => Err(Status::unavailable("restarting")),
        _ => Err(refusal(Kind::Unauthenticated, "REFRESH_TOKEN_REUSED", &[])),
    });
    world.backend.on(SIGN_OUT, |_: SignOutRequest| Ok(()));
    world
}

fn open(world: &World) -> RequestBuilder {
    world.post("/session").json(&json!({"email": "a@b.c", "password": "right"}))
}

fn refresh(world: &World, token: &str) -> RequestBuilder {
    world.post("/session/refresh").header("cookie", format!("theme=dark; __Host-refresh={token}")).json(&json!({}))
}

fn cookie(answer: &Answer) -> &str {
    answer.header("set-cookie")
}

#[tokio::test]
async fn the_page_gets_the_access_token_and_the_cookie_the_other() {
    let world = world(&[]).await;
    let answer = ask(open(&world)).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    let expected =
        json!({"accessToken": "access", "tokenType": "Bearer", "expiresIn": 600, "sessionId": "s1", "userId": "u1"});
    assert_eq!(answer.json(), expected);
    assert_eq!(cookie(&answer), "__Host-refresh=first; HttpOnly; SameSite=Strict; Secure; Path=/; Max-Age=86400");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("content-encoding"), "");
}

#[tokio::test]
async fn a_wrong_password_opens_nothing() {
    let world = world(&[]).await;
    let answer = ask(world.post("/session").json(&json!({"email": "a@b.c", "password": "wrong"}))).await;
    assert_eq!(cookie(&answer), "");
    problem(answer, 401, "CREDENTIALS_INVALID");
    problem(ask(world.post("/session").json(&json!({"login": "a"}))).await, 400, "INVALID");
}

#[tokio::test]
async fn refreshing_changes_the_cookie() {
    let world = world(&[]).await;
    let answer = ask(refresh(&world, "first")).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["accessToken"]), (200, &"access".into()));
    assert!(cookie(&answer).starts_with("__Host-refresh=second; "), "{}", cookie(&answer));
}

#[tokio::test]
async fn a_cookie_that_will_never_work_again_is_taken_away() {
    let world = world(&[]).await;
    let answer = ask(refresh(&world, "stolen")).await;
    assert_eq!(cookie(&answer), "__Host-refresh=; HttpOnly; SameSite=Strict; Secure; Path=/; Max-Age=0");
    problem(answer, 401, "REFRESH_TOKEN_REUSED");
    let answer = ask(refresh(&world, "down")).await;
    assert_eq!(cookie(&answer), "", "a service that is down ends no session");
    problem(answer, 503, "UNAVAILABLE");
    problem(ask(world.post("/session/refresh").json(&json!({}))).await, 401, "SESSION_REQUIRED");
}

#[tokio::test]
async fn an_expired_access_token_does_not_keep_from_refreshing() {
    let world = world(&[]).await;
    assert_eq!(ask(refresh(&world, "first").bearer_auth("expired")).await.status, 200);
}

#[tokio::test]
async fn signing_out_ends_the_session_and_the_cookie() {
    let world = world(&[]).await;
    let request = world.request(Method::DELETE, "/session").header("cookie", "__Host-refresh=first");
    let answer = ask(request).await;
    assert_eq!(answer.status, 204, "{}", answer.text);
    assert!(cookie(&answer).starts_with("__Host-refresh=; "));
    assert_eq!(world.backend.only_call(SIGN_OUT).message::<SignOutRequest>().refresh_token.as_deref(), Some("first"));
    assert_eq!(ask(world.request(Method::DELETE, "/session")).await.status, 204, "ending nothing is no mistake");
}

#[tokio::test]
async fn other_sites_are_refused() {
    let world = world(&[("LYCEUM_CORS_ORIGINS", "https://app.school.test")]).await;
    for (name, value) in [
        ("origin", "https://evil.test"),
        ("origin", "null"),
        ("origin", "http://school.test"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ] {
        for request in [open(&world), refresh(&world, "first"), world.request(Method::DELETE, "/session")] {
            problem(ask(request.header(name, value)).await, 403, "CROSS_SITE_REQUEST");
        }
    }
    for (name, value) in [("origin", HOME), ("origin", "https://app.school.test"), ("sec-fetch-site", "same-origin")] {
        assert_eq!(ask(open(&world).header(name, value)).await.status, 201, "{name}: {value}");
    }
}

#[tokio::test]
async fn no_form_can_ask() {
    let world = world(&[]).await;
    let form = world.post("/session").form(&[("email", "a@b.c"), ("password", "right")]);
    problem(ask(form).await, 415, "UNSUPPORTED_MEDIA_TYPE");
    let empty = world.post("/session/refresh").header("cookie", "__Host-refresh=first");
    problem(ask(empty).await, 415, "UNSUPPORTED_MEDIA_TYPE");
    let full = refresh(&world, "first").json(&json!({"refreshToken": "other"}));
    problem(ask(full).await, 400, "BODY_NOT_EXPECTED");
}
