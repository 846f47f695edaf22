//! What reaches a service and what comes back.

use std::collections::BTreeMap;

use proto::lyceum::{
    courses::v1::{Course, GetCourseRequest, ListCoursesRequest, ListCoursesResponse},
    users::v1::{ChangePasswordRequest, ListUsersRequest, ListUsersResponse, UpdateMeRequest, User, user},
};
use reqwest::Method;
use rpc::{Kind, Violation, ViolationCode};
use serde_json::json;
use tonic::Status;

use crate::helpers::{World, ask, problem, refusal, violations};

const UPDATE_ME: &str = "users.v1.UserService/UpdateMe";
const GET_COURSE: &str = "courses.v1.CatalogService/GetCourse";

#[tokio::test]
async fn the_path_is_decoded_piece_by_piece() {
    let world = World::new().await;
    world
        .backend
        .on(GET_COURSE, |request: GetCourseRequest| Ok(Course { course_id: request.course_id, ..Course::default() }));
    let answer = ask(world.get("/v1/courses/a%2Fb%20%D0%96")).await;
    assert_eq!(answer.json()["courseId"], "a/b Ж");
}

#[tokio::test]
async fn what_travels_along_reaches_the_service() {
    let world = World::with(&[("LYCEUM_TRUSTED_PROXIES", "1")]).await;
    world.backend.on(GET_COURSE, |_: GetCourseRequest| Ok(Course::default()));
    let request = world.get("/v1/courses/x").header("x-forwarded-for", "6.6.6.6, 203.0.113.9");
    let request = request.header("user-agent", "Тест/1").header("accept-language", "ru-RU,en;q=0.5");
    let request = request.header("x-request-id", "my-request-0001").header("lyceum-via", "forged");
    let answer = ask(request.header("lyceum-client-address", "1.2.3.4").header("grpc-timeout", "1n")).await;
    assert_eq!((answer.status.as_u16(), answer.header("x-request-id")), (200, "my-request-0001"), "{}", answer.text);
    let call = world.backend.only_call(GET_COURSE);
    assert_eq!(call.text("lyceum-client-address"), Some("203.0.113.9"));
    assert_eq!(call.text("lyceum-client-agent"), Some("????/1"));
    assert_eq!(call.text("accept-language"), Some("ru"));
    assert_eq!(call.text("x-request-id"), Some("my-request-0001"));
    assert_eq!(call.text("authorization"), None);
    assert_ne!(call.text("lyceum-via"), Some("forged"));
    let left: u64 = call.text("grpc-timeout").unwrap().trim_end_matches('m').parse().unwrap();
    assert!((8_000..=10_000).contains(&left), "{left} ms are left");
}

#[tokio::test]
async fn a_request_id_that_could_forge_logs_is_replaced() {
    let world = World::new().await;
    for bad in ["two words", "слово", &"x".repeat(129)] {
        let answer = ask(world.get("/v1/nothing").header("x-request-id", bad)).await;
        assert_eq!(answer.header("x-request-id").len(), 36, "{bad}");
        problem(answer, 404, "NO_SUCH_PATH");
    }
}

#[tokio::test]
async fn a_patch_changes_what_its_body_names() {
    let world = World::new().await;
    world.backend.on(UPDATE_ME, |request: UpdateMeRequest| Ok(request.user.unwrap_or_default()));
    let patch = |query: &str, body: serde_json::Value| {
        let request = world.request(Method::PATCH, &format!("/v1/me{query}"));
        request.bearer_auth(world.token(&[])).json(&body)
    };
    // What was read may be sent back whole: what cannot be changed is not in the mask.
    let body = json!({"userId": "x", "displayName": "Анна", "timeZone": null, "state": "STATE_BLOCKED"});
    let answer = ask(patch("", body)).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let request: UpdateMeRequest = world.backend.only_call(UPDATE_ME).message();
    assert_eq!(request.update_mask.unwrap().paths, ["display_name", "time_zone"]);
    assert_eq!(request.user.unwrap().display_name(), "Анна");

    let some = patch("?updateMask=displayName", json!({"displayName": "Вера", "language": "en"}));
    let answer = ask(some.header("if-match", "\"abc\"")).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let request: UpdateMeRequest = world.backend.calls(UPDATE_ME)[1].message();
    assert_eq!((request.update_mask.unwrap().paths, request.etag.as_str()), (vec!["display_name".to_owned()], "abc"));

    let unquoted = problem(ask(patch("", json!({})).header("if-match", "abc")).await, 400, "INVALID");
    assert_eq!(
        violations(&unquoted),
        ["If-Match: expected one ETag, as it was read: quotation marks included, without W/"]
    );
    let elsewhere = problem(ask(patch("?etag=abc", json!({"etag": "abc"}))).await, 400, "INVALID");
    let told = ["etag: no such field", "etag: no such parameter"];
    assert_eq!(violations(&elsewhere), told, "it is a header and nothing else");

    let refused = problem(ask(patch("?updateMask=displayName,state,shoeSize", json!({}))).await, 400, "INVALID");
    let told =
        ["updateMask: state is no field that can be changed", "updateMask: shoeSize is no field that can be changed"];
    assert_eq!(violations(&refused), told);
}

#[tokio::test]
async fn a_patch_of_what_is_set_once_is_refused() {
    let world = World::new().await;
    let address = "/v1/promo-codes/01a0c2f4-7b1e-7c3a-9d55-3f0e8a1b2c4d";
    let sent = json!({"code": "SPRING", "amount": {"minor": "100", "currency": "RUB"}, "maxUses": 5, "uses": 7});
    let patch = world.request(Method::PATCH, address).bearer_auth(world.token(&["products.edit"])).json(&sent);
    let refused = problem(ask(patch).await, 400, "INVALID");
    assert_eq!(violations(&refused), ["code: cannot be changed", "amount: cannot be changed"]);
}

#[tokio::test]
async fn two_spellings_of_a_field_or_a_parameter_are_one() {
    let world = World::new().await;
    let patch = world.request(Method::PATCH, "/v1/me").bearer_auth(world.token(&[]));
    let refused = problem(ask(patch.json(&json!({"displayName": "А", "display_name": "Б"}))).await, 400, "INVALID");
    assert_eq!(violations(&refused), ["display_name: stands twice, in two spellings"]);
    let list = world.get("/v1/users?pageSize=1&page_size=2").bearer_auth(world.token(&["users.read"]));
    let refused = problem(ask(list).await, 400, "INVALID");
    assert_eq!(violations(&refused), ["page_size: may be sent once only"]);
}

#[tokio::test]
async fn what_is_free_or_empties_something_is_said_and_not_left_out() {
    let world = World::new().await;
    let products = world.post("/v1/products").bearer_auth(world.token(&["products.edit"]));
    let free = json!({"title": "Курс", "grants": [], "prices": [{"amount": {"currency": "RUB"}}]});
    let refused = problem(ask(products.json(&free)).await, 400, "INVALID");
    assert_eq!(violations(&refused), ["prices[0].amount.minor: is required"]);
    let draft = "/v1/authoring/courses/01a0c2f4-7b1e-7c3a-9d55-3f0e8a1b2c4d/draft";
    let put = world.request(Method::PUT, draft).bearer_auth(world.token(&["courses.edit"]));
    let refused = problem(ask(put.json(&json!({}))).await, 400, "INVALID");
    assert_eq!(violations(&refused), ["sections: is required"]);
}

#[tokio::test]
async fn answers_are_whole_and_in_camel_case() {
    let world = World::new().await;
    world.backend.on("users.v1.UserService/ListUsers", |_: ListUsersRequest| {
        let user =
            User { display_name: Some("А".into()), roles: vec![user::Role::Tutor.into(), 99], ..User::default() };
        Ok(ListUsersResponse { users: vec![user], ..ListUsersResponse::default() })
    });
    let answer = ask(world.get("/v1/users").bearer_auth(world.token(&["users.read"]))).await;
    let json = answer.json();
    assert!(json.get("nextPageToken").is_none(), "what is absent is not written");
    assert_eq!(json["users"][0]["userId"], "", "empty fields are written, too");
    assert!(json["users"][0].get("email").is_none(), "and those that are optional are not");
    assert_eq!(json["users"][0]["displayName"], "А");
    assert_eq!(json["users"][0]["roles"], json!(["ROLE_TUTOR", 99]), "values of a newer service are numbers");
}

#[tokio::test]
async fn nothing_to_say_is_204() {
    let world = World::new().await;
    world.backend.on("users.v1.UserService/ChangePassword", |_: ChangePasswordRequest| Ok(()));
    let request = world.post("/v1/me/change-password").bearer_auth(world.token(&[]));
    let answer = ask(request.json(&json!({"currentPassword": "a", "newPassword": "b"}))).await;
    assert_eq!((answer.status.as_u16(), answer.text.as_str()), (204, ""));
}

#[tokio::test]
async fn refusals_of_services_keep_their_code_and_their_fields() {
    let world = World::new().await;
    let statuses = BTreeMap::from([
        ("invalid", (Kind::Invalid, 400)),
        ("missing", (Kind::NotFound, 404)),
        ("taken", (Kind::Conflict, 409)),
        ("stale", (Kind::Stale, 412)),
        ("often", (Kind::TooMany, 429)),
        ("not-yours", (Kind::Forbidden, 403)),
    ]);
    let kinds = statuses.clone();
    world.backend.on(GET_COURSE, move |request: GetCourseRequest| {
        Err::<Course, _>(refusal(kinds[request.course_id.as_str()].0, "ITS_OWN_CODE", &[]))
    });
    for (course, (_, status)) in statuses {
        let told = problem(ask(world.get(&format!("/v1/courses/{course}"))).await, status, "ITS_OWN_CODE");
        assert_eq!(told["detail"], "No.");
    }
    world.backend.on(UPDATE_ME, |_: UpdateMeRequest| {
        let wrong = [("user.display_name", "is too long"), ("update_mask", "is empty")];
        Err::<User, _>(refusal(Kind::Invalid, "INVALID", &wrong))
    });
    let request = world.request(Method::PATCH, "/v1/me").bearer_auth(world.token(&[])).json(&json!({}));
    let told = problem(ask(request).await, 400, "INVALID");
    assert_eq!(told["detail"], "Some fields or parameters are wrong.", "what is wrong with one field is no sentence");
    assert_eq!(
        violations(&told),
        ["displayName: is too long", "updateMask: is empty"],
        "fields as the client wrote them"
    );
}

#[tokio::test]
async fn what_a_machine_needs_to_know_of_a_refusal_arrives() {
    let world = World::new().await;
    world.backend.on(GET_COURSE, |_: GetCourseRequest| {
        let wrong = Violation::new("course.lesson_title", ViolationCode::TooLong, "expected less").with("max", 200);
        let params = [("etag".to_owned(), "7".to_owned())].into();
        let problem = rpc::Problem::new(Kind::Stale, "ETAG_MISMATCH", "No.");
        Err::<Course, _>(rpc::Problem { params, violations: vec![wrong], ..problem }.into())
    });
    let told = problem(ask(world.get("/v1/courses/x")).await, 412, "ETAG_MISMATCH");
    assert_eq!(told["params"], json!({"etag": "7"}));
    let wrong = json!({"field": "course.lessonTitle", "message": "expected less", "code": "TOO_LONG", "params": {"max": "200"}});
    assert_eq!(told["violations"], json!([wrong]));
}

#[tokio::test]
async fn what_is_our_own_fault_is_not_explained() {
    let world = World::new().await;
    world.backend.on(GET_COURSE, |_: GetCourseRequest| Err::<Course, _>(Status::internal("select * from secrets")));
    let told = problem(ask(world.get("/v1/courses/x")).await, 500, "INTERNAL");
    assert!(!told.to_string().contains("secrets"));
}

#[tokio::test]
async fn answers_are_cached_as_the_contract_says() {
    let world = World::new().await;
    world
        .backend
        .on("courses.v1.CatalogService/ListCourses", |_: ListCoursesRequest| Ok(ListCoursesResponse::default()));
    world.backend.on("users.v1.UserService/ListUsers", |_: ListUsersRequest| Ok(ListUsersResponse::default()));
    let answer = ask(world.get("/v1/courses")).await;
    assert_eq!(answer.header("cache-control"), "public, max-age=60");
    assert!(answer.header("vary").contains("authorization"));
    let answer = ask(world.get("/v1/courses").bearer_auth(world.token(&[]))).await;
    assert_eq!(answer.header("cache-control"), "private, max-age=60", "what one person got is not for others");
    let answer = ask(world.get("/v1/users").bearer_auth(world.token(&["users.read"]))).await;
    assert_eq!(answer.header("cache-control"), "private, no-cache");
}
