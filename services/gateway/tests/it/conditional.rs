//! Nobody is sent what they still have.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use proto::lyceum::{
    courses::v1::{Course, GetCourseRequest},
    users::v1::{GetMeRequest, UpdateMeRequest, User},
};
use reqwest::Method;
use rpc::Kind;
use serde_json::json;
use tonic::Status;

use crate::helpers::{World, ask, codes, problem, refusal};

const COURSE: &str = "/v1/courses/x";

/// A world whose course changes with the counter.
async fn world() -> (World, Arc<AtomicUsize>) {
    let world = World::new().await;
    let edition = Arc::new(AtomicUsize::new(1));
    let now = Arc::clone(&edition);
    world.backend.on("courses.v1.CatalogService/GetCourse", move |request: GetCourseRequest| {
        if request.course_id == "gone" {
            return Err(refusal(Kind::NotFound, "COURSE_NOT_FOUND", &[]));
        }
        Ok(Course { title: "Rust ".repeat(100 + now.load(Ordering::Relaxed)), ..Course::default() })
    });
    world.backend.on("users.v1.UserService/GetMe", |_: GetMeRequest| Ok(User::default()));
    (world, edition)
}

#[tokio::test]
async fn what_did_not_change_is_not_sent_again() {
    let (world, edition) = world().await;
    let first = ask(world.get(COURSE)).await;
    let tag = first.header("etag").to_owned();
    assert!(tag.starts_with("W/\""), "compression changes bytes, so the name is a weak one: {tag}");

    let same = ask(world.get(COURSE).header("if-none-match", format!("\"other\", {tag}"))).await;
    assert_eq!((same.status.as_u16(), same.text.as_str()), (304, ""));
    for name in ["etag", "cache-control", "vary"] {
        assert_eq!(same.header(name), first.header(name), "{name}");
    }
    assert_eq!((same.header("content-type"), same.header("x-request-id").len()), ("", 36));
    assert_eq!(same.header("cache-control"), "public, max-age=60");
    let strong = ask(world.get(COURSE).header("if-none-match", tag.trim_start_matches("W/"))).await;
    assert_eq!(strong.status, 304, "it is compared weakly");
    assert_eq!(ask(world.get(COURSE).header("if-none-match", "*")).await.status, 304);

    edition.fetch_add(1, Ordering::Relaxed);
    let changed = ask(world.get(COURSE).header("if-none-match", &tag)).await;
    assert_eq!(changed.status, 200);
    assert_ne!(changed.header("etag"), tag);
}

#[tokio::test]
async fn the_name_is_the_same_compressed_or_not() {
    let (world, _) = world().await;
    let plain = ask(world.get(COURSE)).await;
    let small = ask(world.get(COURSE).header("accept-encoding", "gzip")).await;
    assert_eq!(small.header("content-encoding"), "gzip");
    assert_eq!(small.header("etag"), plain.header("etag"));
    assert_eq!(small.header("vary"), "authorization, accept-language, accept-encoding");
    assert_eq!(small.headers.get_all("vary").iter().count(), 1);
    let request = world.get(COURSE).header("accept-encoding", "gzip").header("if-none-match", plain.header("etag"));
    let same = ask(request).await;
    assert_eq!((same.status.as_u16(), same.header("content-encoding"), same.text.as_str()), (304, "", ""));
}

#[tokio::test]
async fn head_knows_the_name_too() {
    let (world, _) = world().await;
    let tag = ask(world.get(COURSE)).await.header("etag").to_owned();
    let head = ask(world.request(Method::HEAD, COURSE)).await;
    assert_eq!((head.status.as_u16(), head.header("etag"), head.text.as_str()), (200, tag.as_str(), ""));
    let same = ask(world.request(Method::HEAD, COURSE).header("if-none-match", &tag)).await;
    assert_eq!((same.status.as_u16(), same.header("etag")), (304, tag.as_str()));
}

#[tokio::test]
async fn what_is_private_is_asked_for_again_and_not_sent_again() {
    let (world, _) = world().await;
    let get = || world.get("/v1/me").bearer_auth(world.token(&[]));
    let me = ask(get()).await;
    assert_eq!((me.status.as_u16(), me.header("cache-control")), (200, "private, no-cache"));
    assert_eq!(me.header("vary"), "authorization, accept-language, accept-encoding");
    let same = ask(get().header("if-none-match", me.header("etag"))).await;
    assert_eq!((same.status.as_u16(), same.text.as_str(), same.header("etag")), (304, "", me.header("etag")));
    assert_eq!(same.header("cache-control"), "private, no-cache");
    let other = ask(get().header("if-none-match", "\"7\"")).await;
    assert_eq!(other.status, 200);
    problem(ask(world.get("/v1/me").header("if-none-match", me.header("etag"))).await, 401, "SIGN_IN_REQUIRED");
}

#[tokio::test]
async fn what_can_be_changed_tells_its_version_and_is_changed_only_if_that_is_still_it() {
    let world = World::new().await;
    world.backend.on("users.v1.UserService/GetMe", |_: GetMeRequest| {
        Ok(User { etag: "7".to_owned(), display_name: Some("Анна".repeat(200)), ..User::default() })
    });
    world.backend.on("users.v1.UserService/UpdateMe", |request: UpdateMeRequest| {
        if request.etag == "7" {
            Ok(User { etag: "8".to_owned(), ..User::default() })
        } else {
            Err(Status::aborted(""))
        }
    });
    let get = || world.get("/v1/me").bearer_auth(world.token(&[]));
    let read = ask(get()).await;
    let tag = read.header("etag").to_owned();
    assert!(tag.starts_with("\"7:"), "a strong name that begins with the version: {tag}");
    assert!(!read.json().as_object().unwrap().contains_key("etag"), "it is told once");
    let small = ask(get().header("accept-encoding", "gzip")).await;
    assert_eq!((small.header("content-encoding"), small.header("etag")), ("gzip", tag.as_str()));
    assert_eq!(ask(get().header("if-none-match", &tag)).await.status, 304);

    let patch = |tag: &str| {
        let request = world.request(Method::PATCH, "/v1/me").bearer_auth(world.token(&[]));
        request.json(&json!({"displayName": "Вера"})).header("if-match", tag)
    };
    for tag in [tag.as_str(), "\"7\""] {
        let changed = ask(patch(tag)).await;
        assert_eq!((changed.status.as_u16(), changed.header("etag")), (200, "\"8\""), "{}", changed.text);
        assert_eq!(changed.header("cache-control"), "no-store", "what a change answers is not kept");
    }
    problem(ask(patch("\"6\"")).await, 412, "STALE");
    for wrong in ["W/\"7\"", "7", "\"7\", \"8\"", "\"\""] {
        let refused = problem(ask(patch(wrong)).await, 400, "INVALID");
        assert_eq!(
            (refused["violations"][0]["field"].as_str(), codes(&refused)),
            (Some("If-Match"), vec!["MALFORMED"])
        );
    }
}

#[tokio::test]
async fn a_refusal_is_always_told() {
    let (world, _) = world().await;
    let refused = ask(world.get("/v1/courses/gone").header("if-none-match", "*")).await;
    assert_eq!(refused.header("etag"), "");
    problem(refused, 404, "COURSE_NOT_FOUND");
}

#[tokio::test]
async fn the_document_is_not_sent_again_either() {
    let (world, _) = world().await;
    let tag = ask(world.get("/openapi.json")).await.header("etag").to_owned();
    let same = ask(world.get("/openapi.json").header("if-none-match", tag).header("accept-encoding", "gzip")).await;
    assert_eq!((same.status.as_u16(), same.text.as_str(), same.header("vary")), (304, "", "accept-encoding"));
}
