//! Nobody is sent what they still have.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use proto::lyceum::{
    courses::v1::{Course, GetCourseRequest},
    users::v1::{GetMeRequest, User},
};
use reqwest::Method;
use rpc::Kind;

use crate::helpers::{World, ask, problem, refusal};

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
async fn what_is_not_cached_has_no_name_and_a_refusal_is_always_told() {
    let (world, _) = world().await;
    let me = ask(world.get("/v1/me").bearer_auth(world.token(&[])).header("if-none-match", "*")).await;
    assert_eq!((me.status.as_u16(), me.header("etag")), (200, ""));
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
