//! The OpenAPI document, a browser for it and a page about the first call. Everything is inside the binary, the large
//! things compressed; nothing is fetched from elsewhere.

use std::{io::Read, sync::Arc};

use axum::{
    Router,
    body::Body,
    response::{IntoResponse, Redirect, Response},
    routing::{MethodRouter, get},
};
use flate2::read::GzDecoder;
use http::{HeaderMap, HeaderValue, StatusCode, header};

use crate::{app::App, etag::ETag};

/// The OpenAPI 3.1 document, as it was generated when this was built.
pub const OPENAPI: &str = include_str!(concat!(env!("OUT_DIR"), "/openapi.json"));
const OPENAPI_GZ: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/openapi.json.gz"));

/// Swagger UI, as `docs/swagger-ui/renew.sh` packed it.
const SWAGGER_UI: &[u8] = include_bytes!("../docs/swagger-ui/swagger-ui-bundle.js.gz");
const SWAGGER_UI_STYLE: &[u8] = include_bytes!("../docs/swagger-ui/swagger-ui.css.gz");

/// The pages may load our own files and ask our own address, and nothing else.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// Minutes rather than days: nobody shall work by the document of the last release.
const FRESH: &str = "public, max-age=60";

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// The addresses of the document, the pages and their files.
pub fn router() -> Router<Arc<App>> {
    Router::new()
        .route("/openapi.json", packed("application/json", OPENAPI_GZ))
        .route("/docs", plain(HTML, include_str!("../docs/index.html")))
        .route("/docs/", get(async || Redirect::permanent("/docs")))
        .route("/docs/first-call", plain(HTML, include_str!("../docs/first-call.html")))
        .route("/docs/style.css", plain(CSS, include_str!("../docs/style.css")))
        .route("/docs/browser.js", plain(SCRIPT, include_str!("../docs/browser.js")))
        .route("/docs/swagger-ui.css", packed(CSS, SWAGGER_UI_STYLE))
        .route("/docs/swagger-ui.js", packed(SCRIPT, SWAGGER_UI))
}

/// A small file, which is compressed on its way if the client takes that.
fn plain(kind: &'static str, text: &'static str) -> MethodRouter<Arc<App>> {
    let tag = ETag::of(text.as_bytes());
    get(async move |headers: HeaderMap| served(&headers, kind, &tag, || Response::new(Body::from(text))))
}

/// A large file, which is sent as it is kept. Who does not take gzip, and no browser is among them, has it unpacked
/// anew.
fn packed(kind: &'static str, bytes: &'static [u8]) -> MethodRouter<Arc<App>> {
    let tag = ETag::of(bytes);
    get(async move |headers: HeaderMap| {
        // `frame` has left gzip or nothing.
        let takes_gzip = headers.contains_key(header::ACCEPT_ENCODING);
        served(&headers, kind, &tag, || {
            if !takes_gzip {
                return unpacked(bytes);
            }
            let mut response = Response::new(Body::from(bytes));
            response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            response
        })
    })
}

fn unpacked(bytes: &[u8]) -> Response {
    let mut text = Vec::new();
    match GzDecoder::new(bytes).read_to_end(&mut text) {
        Ok(_) => Response::new(Body::from(text)),
        // The tests unpack every file, so that this is for the compiler only.
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn served(headers: &HeaderMap, kind: &'static str, tag: &ETag, file: impl FnOnce() -> Response) -> Response {
    let mut response = if tag.is_known(headers) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let mut response = file();
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        response
    };
    let into = response.headers_mut();
    into.insert(header::CACHE_CONTROL, HeaderValue::from_static(FRESH));
    into.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(PAGE_POLICY));
    into.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    into.extend(tag.header().map(|tag| (header::ETAG, tag)));
    response
}
