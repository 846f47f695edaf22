//! The OpenAPI document and a browser for it. Everything is inside the binary; nothing is fetched from elsewhere.

use std::sync::Arc;

use axum::{
    Router,
    response::{AppendHeaders, IntoResponse, Redirect, Response},
    routing::get,
};
use http::{HeaderMap, StatusCode, header};

use crate::{app::App, etag::ETag};

/// The OpenAPI 3.1 document, as it was generated when this was built.
pub const OPENAPI: &str = include_str!(concat!(env!("OUT_DIR"), "/openapi.json"));

/// The page may load its own files and ask our own address, and nothing else.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The addresses of the document, the page and its files.
pub fn router() -> Router<Arc<App>> {
    let file = |kind: &'static str, text: &'static str| {
        let tag = ETag::of(text.as_bytes());
        get(async move |headers: HeaderMap| served(&headers, kind, text, &tag))
    };
    Router::new()
        .route("/openapi.json", file("application/json", OPENAPI))
        .route("/docs", file("text/html; charset=utf-8", include_str!("../docs/index.html")))
        .route("/docs/", get(async || Redirect::permanent("/docs")))
        .route("/docs/style.css", file("text/css; charset=utf-8", include_str!("../docs/style.css")))
        .route("/docs/browser.js", file("text/javascript; charset=utf-8", include_str!("../docs/browser.js")))
        .route("/docs/sample.js", file("text/javascript; charset=utf-8", include_str!("../docs/sample.js")))
}

fn served(headers: &HeaderMap, kind: &'static str, text: &'static str, tag: &ETag) -> Response {
    let cached = [(header::CACHE_CONTROL, "public, max-age=60"), (header::VARY, "accept-encoding")];
    let named = AppendHeaders(tag.header().map(|tag| (header::ETAG, tag)));
    if tag.is_known(headers) {
        return (StatusCode::NOT_MODIFIED, cached, named).into_response();
    }
    let head = [(header::CONTENT_TYPE, kind), (header::CONTENT_SECURITY_POLICY, PAGE_POLICY)];
    (head, cached, named, text).into_response()
}
