//! The public keys of people's tokens: fetched from users, shown to the world as `/.well-known/jwks.json`.

use std::sync::{Arc, Mutex, PoisonError};

use auth::Jwks;
use axum::{
    Json, Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::get,
};
use http::{StatusCode, header};
use rpc::client::Channel;
use tokio::time::{Duration, Instant};

use crate::{app::App, problem::Problem};

/// How long an answer is repeated before users is asked again.
const FRESH: Duration = Duration::from_secs(60);

/// Users' keys, and the last answer for when it is silent.
pub struct PublicKeys {
    users: Channel,
    last: Mutex<Option<(Instant, Jwks)>>,
}

impl PublicKeys {
    /// Keys that nobody has asked for yet.
    pub fn new(users: Channel) -> Self {
        Self { users, last: Mutex::default() }
    }

    /// Asks users.
    pub async fn fetch(self: Arc<Self>) -> anyhow::Result<Jwks> {
        let keys = Jwks::published(self.users.clone()).await?;
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), keys.clone()));
        Ok(keys)
    }

    /// The last answer, if it is younger than `age`.
    fn younger_than(&self, age: Duration) -> Option<Jwks> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.as_ref().filter(|(at, _)| at.elapsed() < age).map(|(_, keys)| keys.clone())
    }
}

/// The address of the keys.
pub fn router() -> Router<Arc<App>> {
    Router::new().route("/.well-known/jwks.json", get(show))
}

async fn show(State(app): State<Arc<App>>) -> Result<Response, Problem> {
    let keys = match app.keys.younger_than(FRESH) {
        Some(keys) => keys,
        None => match Arc::clone(&app.keys).fetch().await {
            Ok(keys) => keys,
            // Old keys are better than none: a key is published long before it signs.
            Err(error) => app.keys.younger_than(Duration::MAX).ok_or_else(|| {
                tracing::warn!(error = format!("{error:#}"), "the public keys cannot be shown");
                Problem::new(StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE", rpc::Kind::Unavailable.message())
            })?,
        },
    };
    let cached = [(header::CACHE_CONTROL, "public, max-age=300")];
    Ok((cached, Json(keys)).into_response())
}
