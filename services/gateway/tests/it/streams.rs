//! Streams of an rpc as server-sent events.

use std::time::Duration;

use proto::lyceum::notifications::v1::{Notification, WatchNotificationsRequest};
use reqwest::Response;
use rpc::Kind;
use tokio::time::timeout;

use crate::{
    backend::Pen,
    helpers::{World, refusal},
};

const WATCH: &str = "notifications.v1.NotificationService/WatchNotifications";
const SOON: Duration = Duration::from_secs(5);

fn told(id: &str) -> Notification {
    Notification { notification_id: id.into(), title: "Оплата ".repeat(20), ..Notification::default() }
}

/// An open stream whose events are read one by one.
struct Reader {
    response: Response,
    text: String,
}

impl Reader {
    async fn open(world: &World, query: &str, headers: &[(&str, &str)]) -> Self {
        let mut request = world.get(&format!("/v1/notifications/watch{query}")).bearer_auth(world.token(&[]));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = timeout(SOON, request.send()).await.unwrap().unwrap();
        assert_eq!(response.status(), 200);
        Self { response, text: String::new() }
    }

    /// The next event, or nothing at the end of the stream.
    async fn next(&mut self) -> Option<String> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let (event, rest) = (event.to_owned(), rest.to_owned());
                self.text = rest;
                return Some(event);
            }
            let more = timeout(SOON, self.response.chunk()).await.expect("something is held back").unwrap()?;
            self.text.push_str(str::from_utf8(&more).unwrap());
        }
    }
}

#[tokio::test]
async fn every_event_arrives_when_it_is_told() {
    let world = World::new().await;
    let pen = world.backend.stream(WATCH);
    let mut reader = Reader::open(&world, "", &[("accept-encoding", "gzip")]).await;
    let head = reader.response.headers();
    assert_eq!(head["content-type"], "text/event-stream");
    assert_eq!(head["cache-control"], "no-store");
    assert_eq!(head["x-accel-buffering"], "no");
    assert!(head.get("content-encoding").is_none(), "a compressor would hold events back");
    assert!(reader.next().await.unwrap().starts_with("retry: "), "the stream shows at once that it is open");
    for id in ["n-1", "n-2"] {
        // The next one is written only after this one was read.
        assert!(pen.write(&told(id)).await);
        let event = reader.next().await.unwrap();
        assert!(event.starts_with(&format!("id: {id}\ndata: {{\"notificationId\":\"{id}\"")), "{event}");
    }
    drop(pen);
    assert_eq!(reader.next().await, None);
}

async fn asked_after(world: &World, query: &str, headers: &[(&str, &str)]) -> String {
    let _pen: Pen = world.backend.stream(WATCH);
    Reader::open(world, query, headers).await;
    let call = world.backend.calls(WATCH).pop().unwrap();
    call.message::<WatchNotificationsRequest>().after_notification_id
}

#[tokio::test]
async fn a_browser_that_comes_back_goes_on_after_the_last_event() {
    let world = World::new().await;
    assert_eq!(asked_after(&world, "", &[]).await, "");
    assert_eq!(asked_after(&world, "", &[("last-event-id", "n-2")]).await, "n-2");
    assert_eq!(asked_after(&world, "?afterNotificationId=n-1", &[]).await, "n-1");
    assert_eq!(asked_after(&world, "?afterNotificationId=n-1", &[("last-event-id", "")]).await, "n-1");
    // It asks with its first address again, and has seen more since.
    assert_eq!(asked_after(&world, "?afterNotificationId=n-1", &[("last-event-id", "n-2")]).await, "n-2");
}

#[tokio::test]
async fn an_id_that_is_no_text_is_refused() {
    let world = World::new().await;
    let request = world.get("/v1/notifications/watch").bearer_auth(world.token(&[]));
    let bytes = reqwest::header::HeaderValue::from_bytes(b"\xff\xfe").unwrap();
    let answer = crate::helpers::ask(request.header("last-event-id", bytes)).await;
    let told = crate::helpers::problem(answer, 400, "INVALID");
    assert_eq!(crate::helpers::violations(&told), ["Last-Event-ID: expected the id of an event"]);
}

#[tokio::test]
async fn a_stream_that_breaks_says_why() {
    let world = World::new().await;
    let pen = world.backend.stream(WATCH);
    let mut reader = Reader::open(&world, "", &[]).await;
    reader.next().await.unwrap();
    pen.break_off(refusal(Kind::Unavailable, "UNAVAILABLE", &[])).await;
    let event = reader.next().await.unwrap();
    assert!(event.starts_with("event: error\ndata: {") && event.contains("\"status\":503"), "{event}");
    assert_eq!(reader.next().await, None);
}

#[tokio::test]
async fn a_gateway_that_drains_ends_its_streams_well() {
    let world = World::new().await;
    let pen = world.backend.stream(WATCH);
    let mut reader = Reader::open(&world, "", &[]).await;
    reader.next().await.unwrap();
    world.drain();
    assert_eq!(reader.next().await, None);
    timeout(SOON, pen.closed()).await.unwrap();
}

#[tokio::test]
async fn a_reader_that_goes_away_is_noticed() {
    let world = World::new().await;
    let pen = world.backend.stream(WATCH);
    drop(Reader::open(&world, "", &[]).await);
    timeout(SOON, pen.closed()).await.unwrap();
}
