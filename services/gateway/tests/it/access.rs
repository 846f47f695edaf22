//! Who is let in, before anything else is looked at.

use std::time::Duration;

use cache::Cache;
use proto::lyceum::{
    courses::v1::{ListCoursesRequest, ListCoursesResponse},
    users::v1::{
        GetJwksRequest, GetJwksResponse, GetMeRequest, GetUserRequest, RefreshSessionRequest, SessionTokens, User,
    },
};
use reqwest::Method;
use serde_json::json;
use testkit::eventually;
use tonic::Status;

use crate::helpers::{KEYS, World, ask, problem};

const GET_ME: &str = "users.v1.UserService/GetMe";
const GET_USER: &str = "users.v1.UserService/GetUser";

async fn world() -> World {
    let world = World::new().await;
    world.backend.on(GET_ME, |_: GetMeRequest| Ok(User { display_name: Some("Анна".into()), ..User::default() }));
    world.backend.on(GET_USER, |request: GetUserRequest| Ok(User { user_id: request.user_id, ..User::default() }));
    world
}

#[tokio::test]
async fn a_person_is_let_in_and_asked_for() {
    let world = world().await;
    let token = world.token(&[]);
    let answer = ask(world.get("/v1/me").bearer_auth(&token)).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.json()["displayName"], "Анна");
    let call = world.backend.only_call(GET_ME);
    assert_eq!(call.text("authorization"), Some(format!("Bearer {token}").as_str()));
    assert!(call.text("lyceum-via").is_some_and(|token| !token.is_empty()));
}

#[tokio::test]
async fn nobody_is_asked_to_sign_in() {
    let world = world().await;
    let answer = ask(world.get("/v1/me")).await;
    assert_eq!(answer.header("www-authenticate"), "Bearer");
    problem(answer, 401, "SIGN_IN_REQUIRED");
    assert!(world.backend.calls(GET_ME).is_empty());
}

#[tokio::test]
async fn forged_expired_and_strange_tokens_are_refused() {
    let world = world().await;
    let token = world.token(&[]);
    let (head, rest) = token.split_once('.').unwrap();
    let (claims, signature) = rest.split_once('.').unwrap();
    let other = World::new().await;
    for forged in [
        "nonsense".to_owned(),
        format!("{head}.{claims}."),
        format!("{head}.{claims}x.{signature}"),
        // The same person, signed with somebody else's key of the same name.
        other.token(&[]),
        world.service_token(),
    ] {
        problem(ask(world.get("/v1/me").bearer_auth(forged)).await, 401, "TOKEN_INVALID");
    }
    problem(ask(world.get("/v1/me").header("authorization", "Basic YTpi")).await, 401, "TOKEN_INVALID");
    world.clock.advance(time::Duration::minutes(11));
    problem(ask(world.get("/v1/me").bearer_auth(&token)).await, 401, "TOKEN_EXPIRED");
    assert!(world.backend.calls(GET_ME).is_empty());
}

#[tokio::test]
async fn a_bad_token_closes_no_public_door() {
    let world = world().await;
    world
        .backend
        .on("courses.v1.CatalogService/ListCourses", |_: ListCoursesRequest| Ok(ListCoursesResponse::default()));
    world.backend.on("users.v1.AuthService/RefreshSession", |_: RefreshSessionRequest| Ok(SessionTokens::default()));
    let stale = world.token(&[]);
    world.clock.advance(time::Duration::minutes(11));
    for token in ["nonsense", stale.as_str()] {
        assert_eq!(ask(world.get("/v1/courses").bearer_auth(token)).await.status, 200);
        let refresh = world.post("/v1/auth/refresh").json(&json!({"refreshToken": "r"}));
        assert_eq!(ask(refresh.bearer_auth(token)).await.status, 200);
        let call = &world.backend.calls("users.v1.AuthService/RefreshSession")[0];
        assert_eq!(call.text("authorization"), None, "a service is not bothered with it");
    }
}

#[tokio::test]
async fn permissions_decide() {
    let world = world().await;
    let user = "/v1/users/0198c2f4-7b1e-7c3a-9d55-3f0e8a1b2c4d";
    problem(ask(world.get(user).bearer_auth(world.token(&["orders.read"]))).await, 403, "PERMISSION_DENIED");
    assert!(world.backend.calls(GET_USER).is_empty());
    let answer = ask(world.get(user).bearer_auth(world.token(&["users.read"]))).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}

#[tokio::test]
async fn access_is_decided_before_the_body_is_read() {
    let world = world().await;
    let request = world.request(Method::PATCH, "/v1/me").header("content-type", "text/plain").body("x".repeat(200_000));
    problem(ask(request).await, 401, "SIGN_IN_REQUIRED");
}

#[tokio::test]
async fn a_session_that_ended_is_refused_within_seconds() {
    let world = world().await;
    let person = World::person(&[]);
    let token = world.token_of(&person);
    assert_eq!(ask(world.get("/v1/me").bearer_auth(&token)).await.status, 200);
    let cache = Cache::connect(&testkit::stores().redis, &world.redis_prefix).unwrap();
    let until = values::Clock::now(&world.clock) + time::Duration::minutes(10);
    cache.revoke(person.session, until).await.unwrap();
    let refused = eventually("the session is refused", Duration::from_secs(10), async || {
        let answer = ask(world.get("/v1/me").bearer_auth(&token)).await;
        (answer.status != 200).then_some(answer)
    });
    problem(refused.await, 401, "SESSION_REVOKED");
    assert_eq!(ask(world.get("/v1/me").bearer_auth(world.token(&[]))).await.status, 200, "another session goes on");
}

#[tokio::test]
async fn without_keys_nobody_is_believed_and_everybody_may_come_back() {
    let world = world().await;
    world.backend.on(KEYS, |_: GetJwksRequest| Err::<GetJwksResponse, _>(Status::unavailable("down")));
    let answer = ask(world.get("/v1/me").bearer_auth(world.token(&[]))).await;
    assert_eq!(answer.header("retry-after"), "1");
    problem(answer, 503, "KEYS_UNAVAILABLE");
}

#[tokio::test]
async fn the_public_keys_are_shown_even_when_users_is_silent() {
    let world = world().await;
    let answer = ask(world.get("/.well-known/jwks.json")).await;
    assert_eq!((answer.status.as_u16(), answer.header("cache-control")), (200, "public, max-age=300"));
    let key = &answer.json()["keys"][0];
    assert_eq!((&key["kid"], &key["kty"], &key["alg"]), (&"people".into(), &"OKP".into(), &"EdDSA".into()));
    assert_eq!(key["x"], world.people.public_jwk().x());
    world.backend.on(KEYS, |_: GetJwksRequest| Err::<GetJwksResponse, _>(Status::unavailable("down")));
    assert_eq!(ask(world.get("/.well-known/jwks.json")).await.text, answer.text);
}

#[tokio::test]
async fn service_only_rpcs_have_no_address() {
    let world = world().await;
    let path = "/lyceum.payments.v1.WebhookService/ReceiveWebhook";
    problem(ask(world.post(path).bearer_auth(world.token(&[]))).await, 404, "NO_SUCH_PATH");
}
