//! Wrong requests: each gets a refusal that says what is wrong, and no service is bothered.

use proto::lyceum::{
    courses::v1::{ListCoursesRequest, ListCoursesResponse, UpdateLessonRequest},
    payments::v1::{CancelOrderRequest, CreateOrderRequest, Order},
    users::v1::{SessionTokens, SignInRequest, UpdateMeRequest, User},
};
use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::helpers::{World, ask, codes, problem, violations};

const SIGN_IN: &str = "users.v1.AuthService/SignIn";
const CANCEL: &str = "payments.v1.OrderService/CancelOrder";
const LESSON: &str = "courses.v1.AuthoringService/UpdateLesson";
const LIST: &str = "courses.v1.CatalogService/ListCourses";

async fn world() -> World {
    let world = World::new().await;
    world.backend.on(SIGN_IN, |_: SignInRequest| Ok(SessionTokens::default()));
    world.backend.on(LIST, |_: ListCoursesRequest| Ok(ListCoursesResponse::default()));
    world.backend.on("users.v1.UserService/UpdateMe", |_: UpdateMeRequest| Ok(User::default()));
    world.backend.on("payments.v1.OrderService/CreateOrder", |_: CreateOrderRequest| Ok(Order::default()));
    world
}

#[tokio::test]
async fn unknown_addresses_and_methods_are_problems() {
    let world = world().await;
    for path in ["/", "/v1/nothing", "/v1/courses/", "//v1/courses", "/v2/courses", "/livez", "/metrics"] {
        problem(ask(world.get(path)).await, 404, "NO_SUCH_PATH");
    }
    let answer = ask(world.request(Method::DELETE, "/v1/courses")).await;
    assert_eq!(answer.header("allow"), "GET,HEAD");
    problem(answer, 405, "METHOD_NOT_ALLOWED");
    problem(ask(world.get("/session")).await, 405, "METHOD_NOT_ALLOWED");
}

#[tokio::test]
async fn bodies_have_a_largest_size() {
    let world = world().await;
    let large = json!({"email": "a@b.c", "password": "x".repeat(70_000)});
    problem(ask(world.post("/v1/auth/sign-in").json(&large)).await, 413, "BODY_TOO_LARGE");
    // Without a length the size shows only while reading.
    let mut stream = tokio::net::TcpStream::connect(world.address()).await.unwrap();
    let head = "POST /v1/auth/sign-in HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let chunk = format!("11170\r\n{}\r\n0\r\n\r\n", "x".repeat(70_000));
    stream.write_all(chunk.as_bytes()).await.unwrap();
    let mut answer = vec![0; 64];
    stream.read_exact(&mut answer).await.unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 413"), "{}", String::from_utf8_lossy(&answer));
    assert!(world.backend.calls(SIGN_IN).is_empty());
}

#[tokio::test]
async fn heads_have_a_largest_size() {
    let world = world().await;
    let answer = ask(world.get("/v1/courses").header("x-long", "x".repeat(20_000))).await;
    problem(answer, 431, "HEADERS_TOO_LARGE");
    problem(ask(world.get(&format!("/v1/courses?pageToken={}", "x".repeat(9_000)))).await, 414, "ADDRESS_TOO_LONG");
}

#[tokio::test]
async fn only_json_is_taken() {
    let world = world().await;
    let body = r#"{"email": "a@b.c", "password": "secret"}"#;
    let sent = |kind: &str| world.post("/v1/auth/sign-in").header("content-type", kind).body(body);
    for kind in ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=windows-1251"] {
        problem(ask(sent(kind)).await, 415, "UNSUPPORTED_MEDIA_TYPE");
    }
    problem(ask(world.post("/v1/auth/sign-in").body(body)).await, 415, "UNSUPPORTED_MEDIA_TYPE");
    assert_eq!(ask(sent("application/json; charset=UTF-8")).await.status, 200);
}

#[tokio::test]
async fn broken_json_is_refused_with_its_place() {
    let world = world().await;
    for (body, told) in [
        (r#"{"email": "#, "EOF while parsing"),
        (r#"{"email": "a", "email": "b"}"#, "stands twice"),
        (r#"{"email": "a\u0000"}"#, "U+0000"),
        (r#"{"email": "a"} trailing"#, "Trailing characters at line 1"),
        ("\u{feff}{}", "Expected value at line 1"),
    ] {
        let request = world.post("/v1/auth/sign-in").header("content-type", "application/json").body(body);
        let problem = problem(ask(request).await, 400, "INVALID_JSON");
        assert!(problem["detail"].as_str().unwrap().contains(told), "{problem}");
    }
    let deep = "[".repeat(60_000);
    let request = world.post("/v1/auth/sign-in").header("content-type", "application/json").body(deep);
    problem(ask(request).await, 400, "INVALID_JSON");
}

#[tokio::test]
async fn every_wrong_field_is_named_at_once() {
    let world = world().await;
    let body = json!({"email": 7, "password": ["x"], "passwort": "typo"});
    let problem = problem(ask(world.post("/v1/auth/sign-in").json(&body)).await, 400, "INVALID");
    assert_eq!(violations(&problem), ["email: expected text", "password: expected text", "passwort: no such field"]);
    assert_eq!(codes(&problem), ["MALFORMED", "MALFORMED", "UNKNOWN_FIELD"]);
    assert!(world.backend.calls(SIGN_IN).is_empty());
}

#[tokio::test]
async fn what_is_wrong_in_the_body_hides_nothing_that_is_wrong_beside_it() {
    let world = world().await;
    let request = world.post("/v1/auth/sign-in?colour=red").json(&json!({"email": 7, "password": "secret"}));
    let problem = problem(ask(request).await, 400, "INVALID");
    assert_eq!(violations(&problem), ["email: expected text", "colour: no such parameter"]);
    assert!(world.backend.calls(SIGN_IN).is_empty());
}

#[tokio::test]
async fn every_wrong_parameter_is_named_at_once() {
    let world = world().await;
    let path = "/v1/courses?pageSize=many&pageToken=a&pageToken=b&colour=red";
    let problem = problem(ask(world.get(path)).await, 400, "INVALID");
    let told = ["pageSize: expected a whole number", "pageToken: may be sent once only", "colour: no such parameter"];
    assert_eq!(violations(&problem), told);
    assert_eq!(codes(&problem), ["MALFORMED", "NOT_ALLOWED", "UNKNOWN_FIELD"]);
    assert!(world.backend.calls(LIST).is_empty());
}

#[tokio::test]
async fn a_wrong_value_of_an_enum_is_told_which_there_are() {
    let world = world().await;
    let path = "/v1/users?state=STATE_ASLEEP";
    let refused = ask(world.get(path).bearer_auth(world.token(&["users.read"]))).await;
    let problem = problem(refused, 400, "INVALID");
    assert_eq!(codes(&problem), ["UNKNOWN_VALUE"]);
    let allowed = problem["violations"][0]["params"]["allowed"].as_str().unwrap();
    assert!(allowed.contains("STATE_BLOCKED"), "{problem}");
}

#[tokio::test]
async fn a_client_that_may_be_newer_is_forgiven_what_we_do_not_know() {
    let world = world().await;
    let path = "/v1/courses?colour=red&pageSize=2";
    let answer = ask(world.get(path).header("prefer", "handling=lenient")).await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("preference-applied")),
        (200, "handling=lenient"),
        "{}",
        answer.text
    );
    assert_eq!(world.backend.only_call(LIST).message::<ListCoursesRequest>().page_size, 2);
    let body = json!({"email": "a@b.c", "password": "secret", "captcha": {"deep": [1]}});
    let request = world.post("/v1/auth/sign-in").header("prefer", "handling=lenient").json(&body);
    assert_eq!(ask(request).await.status, 200);
    problem(ask(world.get("/v1/courses?pageSize=x").header("prefer", "handling=lenient")).await, 400, "INVALID");
}

#[tokio::test]
async fn percent_escapes_are_strict() {
    let world = world().await;
    problem(ask(world.get("/v1/courses/%ff")).await, 400, "INVALID_PATH");
    for path in ["/v1/courses?pageToken=%ff", "/v1/courses?pageToken=%zz", "/v1/courses?pageToken=%00"] {
        problem(ask(world.get(path)).await, 400, "INVALID");
    }
}

#[tokio::test]
async fn both_spellings_of_a_parameter_are_taken() {
    let world = world().await;
    assert_eq!(ask(world.get("/v1/courses?page_size=3")).await.status, 200);
    assert_eq!(world.backend.only_call(LIST).message::<ListCoursesRequest>().page_size, 3);
}

#[tokio::test]
async fn a_body_where_none_belongs_is_refused() {
    let world = world().await;
    let request = world.get("/v1/courses").json(&json!({"pageSize": 3}));
    problem(ask(request).await, 400, "BODY_NOT_EXPECTED");
}

#[tokio::test]
async fn a_request_without_fields_needs_no_body() {
    let world = world().await;
    world.backend.on(CANCEL, |_: CancelOrderRequest| Ok(Order::default()));
    let cancel = || world.post("/v1/orders/0198c2f4/cancel").bearer_auth(world.token(&[]));
    // What HTTP libraries send for nothing: nothing at all, an empty text of any type, an empty object.
    for request in [
        cancel(),
        cancel().body(""),
        cancel().header("content-type", "application/x-www-form-urlencoded").body(""),
        cancel().header("content-type", "application/json").body(""),
        cancel().json(&json!({})),
    ] {
        let answer = ask(request).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
    assert_eq!(world.backend.calls(CANCEL).len(), 5);
    problem(ask(cancel().json(&json!({"why": "changed my mind"}))).await, 400, "INVALID");
    problem(ask(cancel().body("{}")).await, 415, "UNSUPPORTED_MEDIA_TYPE");
}

#[tokio::test]
async fn a_body_is_as_large_as_the_contract_says() {
    let world = world().await;
    let path = "/v1/authoring/courses/0198c2f4/draft/lessons/0198c2f5";
    let lesson = |letters: usize| {
        let text = json!({"title": "Крой", "text": {"markdown": "Ж".repeat(letters)}});
        world.request(Method::PATCH, path).bearer_auth(world.token(&["courses.edit"])).json(&text)
    };
    world.backend.on(LESSON, |request: UpdateLessonRequest| Ok(request.lesson.unwrap_or_default()));
    assert_eq!(ask(lesson(100_000)).await.status, 200, "a long lesson in Russian fits");
    let large = ask(lesson(5_000_000)).await;
    assert_eq!(large.status, 413, "eight MiB are the limit of a lesson");
    assert_eq!(problem(large, 413, "BODY_TOO_LARGE")["params"], json!({"max": "8388608"}));
}

#[tokio::test]
async fn what_stands_in_the_path_does_not_stand_in_the_body() {
    let world = world().await;
    let request =
        world.post("/v1/orders/0198c2f4/cancel").bearer_auth(world.token(&[])).json(&json!({"orderId": "other"}));
    let problem = problem(ask(request).await, 400, "INVALID");
    assert_eq!(violations(&problem), ["orderId: stands in the path, not in the body"]);
}

#[tokio::test]
async fn idempotency_keys_are_required_and_looked_at() {
    let world = world().await;
    let order = || world.post("/v1/orders").bearer_auth(world.token(&[])).json(&json!({}));
    problem(ask(order()).await, 400, "IDEMPOTENCY_KEY_REQUIRED");
    for key in ["short", "ключ-ключ-ключ", "with space inside", &"x".repeat(129)] {
        problem(ask(order().header("idempotency-key", key)).await, 400, "IDEMPOTENCY_KEY_INVALID");
    }
    let answer = ask(order().header("idempotency-key", "order-0001")).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let call = world.backend.only_call("payments.v1.OrderService/CreateOrder");
    assert_eq!(call.text("idempotency-key"), Some("order-0001"));
}
