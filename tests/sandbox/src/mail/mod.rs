//! A mail server that keeps what it gets, readable over HTTP and by eye.

mod inbox;
mod smtp;

use std::time::Duration;

use axum::{
    Json, Router,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use serde::{Deserialize, Deserializer, de::Error};
use serde_json::json;

pub(crate) use inbox::{Inbox, Mail};
pub(crate) use smtp::serve;

use crate::{
    html::{escape, page},
    world::World,
};

/// The longest wait for a mail.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

pub(crate) fn routes() -> Router<World> {
    Router::new().route("/mail", get(list).delete(clear)).route("/mail/{id}", get(one))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// Only mails to this address.
    #[serde(default)]
    to: String,
    /// Only mails after this one.
    #[serde(default)]
    after: u64,
    /// Wait so long for the first such mail: `5s` or `500ms`.
    #[serde(default, deserialize_with = "length")]
    wait: Duration,
    /// The same in milliseconds.
    #[serde(default)]
    wait_ms: u64,
}

async fn list(State(world): State<World>, Query(wanted): Query<Wanted>) -> Json<Vec<Mail>> {
    let wait = wanted.wait.max(Duration::from_millis(wanted.wait_ms)).min(LONGEST_WAIT);
    let look = || world.inbox().list(&wanted.to, wanted.after);
    let found = async {
        loop {
            let arrived = world.inbox().arrived();
            let mails = look();
            if !mails.is_empty() {
                return mails;
            }
            arrived.await;
        }
    };
    if wait.is_zero() {
        return Json(look());
    }
    Json(tokio::time::timeout(wait, found).await.unwrap_or_default())
}

async fn one(State(world): State<World>, Path(id): Path<u64>, headers: HeaderMap) -> Response {
    let Some((mail, source)) = world.inbox().one(id) else { return StatusCode::NOT_FOUND.into_response() };
    let accepted = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    if !accepted.contains("text/html") {
        return Json(json!({"mail": mail, "source": source})).into_response();
    }
    // The mail's own HTML is shown as a mail program would, where it can do nothing.
    let html = match mail.html.as_str() {
        "" => String::new(),
        html => format!("<iframe sandbox srcdoc=\"{}\"></iframe>", escape(html)),
    };
    let (from, to) = (escape(&mail.from), escape(&mail.to.join(", ")));
    let (text, source) = (escape(&mail.text), escape(&source));
    let body = format!(
        "<p>{from} → {to}, {}</p><pre>{text}</pre>{html}<details><summary>Source</summary><pre>{source}</pre></details>",
        mail.at
    );
    page(&mail.subject, &body).into_response()
}

async fn clear(State(world): State<World>) -> StatusCode {
    world.inbox().clear();
    StatusCode::NO_CONTENT
}

/// Reads a number of seconds or milliseconds with its unit.
fn length<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(from)?;
    let read = match text.strip_suffix("ms") {
        Some(number) => number.parse().ok().map(Duration::from_millis),
        None => text.strip_suffix('s').and_then(|number| number.parse().ok()).map(Duration::from_secs),
    };
    read.ok_or_else(|| D::Error::custom("expected a time such as 5s or 500ms"))
}
