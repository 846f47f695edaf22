//! Which addresses there are, and the layers around them. Not what they do.

use std::{sync::Arc, time::Duration};

use axum::{Router, middleware::from_fn_with_state};
use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use tower::util::option_layer;
use tower_http::{compression::CompressionLayer, cors::CorsLayer};

use crate::{app::App, config::WebOrigin, docs, frame::frame, hooks, keys, pages, problem::Problem, routes, session};

/// How long a browser remembers what it may send us.
const PREFLIGHT: Duration = Duration::from_secs(600);

/// Everything that the gateway answers to.
pub fn router(app: Arc<App>) -> Router {
    // Answers with secrets in them are not compressed: their length must not tell about them.
    let compressed = routes::router().merge(docs::router()).merge(pages::router()).layer(CompressionLayer::new());
    let plain = session::router().merge(hooks::router()).merge(keys::router());
    let cors = cors(&app.config.origins);
    compressed
        .merge(plain)
        .fallback(async || Problem::new(StatusCode::NOT_FOUND, "NO_SUCH_PATH", "Nothing answers at this address."))
        .method_not_allowed_fallback(async || {
            Problem::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "METHOD_NOT_ALLOWED",
                "This address does not take that method.",
            )
        })
        .layer(from_fn_with_state(Arc::clone(&app), frame))
        .layer(option_layer(cors))
        .with_state(app)
}

/// Lets the configured web applications in, with cookies; without any, browsers are let in from our own address only.
fn cors(origins: &[WebOrigin]) -> Option<CorsLayer> {
    let origins: Vec<HeaderValue> = origins.iter().filter_map(WebOrigin::header).collect();
    if origins.is_empty() {
        return None;
    }
    let name = HeaderName::from_static;
    Some(
        CorsLayer::new()
            .allow_origin(origins)
            .allow_credentials(true)
            .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
            .allow_headers([
                header::AUTHORIZATION,
                header::CONTENT_TYPE,
                header::ACCEPT_LANGUAGE,
                header::IF_MATCH,
                header::IF_NONE_MATCH,
                name("idempotency-key"),
                name("last-event-id"),
                name("prefer"),
                name("x-request-id"),
                name("traceparent"),
                name("tracestate"),
            ])
            .expose_headers([
                header::CONTENT_DISPOSITION,
                header::ETAG,
                header::RETRY_AFTER,
                name("ratelimit"),
                name("ratelimit-policy"),
                name("x-request-id"),
                name("preference-applied"),
            ])
            .max_age(PREFLIGHT),
    )
}
