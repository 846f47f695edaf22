//! A mail server that keeps what it gets, readable over HTTP.

mod inbox;
mod smtp;

use std::time::Duration;

use axum::{
    Json, Router,
    extract::{Path, Query, State},
    http::StatusCode,
    routing::get,
};
use serde::Deserialize;
use serde_json::Value;

pub(crate) use inbox::{Inbox, Mail};
pub(crate) use smtp::serve;

use crate::world::World;

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
    /// Wait so many milliseconds for the first such mail.
    #[serde(default)]
    wait_ms: u64,
}

async fn list(State(world): State<World>, Query(wanted): Query<Wanted>) -> Json<Vec<Mail>> {
    let wait = Duration::from_millis(wanted.wait_ms.min(60_000));
    let found = async {
        loop {
            let arrived = world.inbox().arrived();
            let mails = world.inbox().list(&wanted.to, wanted.after);
            if !mails.is_empty() || wait.is_zero() {
                return mails;
            }
            arrived.await;
        }
    };
    Json(tokio::time::timeout(wait.max(Duration::from_secs(1)), found).await.unwrap_or_default())
}

async fn one(State(world): State<World>, Path(id): Path<u64>) -> Result<Json<Value>, StatusCode> {
    world.inbox().source(id).map(Json).ok_or(StatusCode::NOT_FOUND)
}

async fn clear(State(world): State<World>) -> StatusCode {
    world.inbox().clear();
    StatusCode::NO_CONTENT
}
