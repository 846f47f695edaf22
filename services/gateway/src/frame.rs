//! What is around every request: its context, its deadline, the head's limits, and the headers of its answer.

use std::{
    collections::HashMap,
    panic::AssertUnwindSafe,
    sync::{Arc, LazyLock},
    time::Duration,
};

use axum::{
    extract::{MatchedPath, Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures::FutureExt;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use proto::METHODS;
use rpc::{Context, Deadline, RequestId};
use tokio::time::timeout;

use crate::{app::App, limits::Decisions, problem::Problem};

/// Bytes that the path and the query may have.
const LONGEST_TARGET: usize = 8 * 1024;
/// Bytes that the names and values of the headers may have.
const LARGEST_HEAD: usize = 16 * 1024;
/// We wait a little longer than the services, so that their reason arrives.
const MARGIN: Duration = Duration::from_millis(250);

/// What a browser may do with an answer that is data: nothing.
const DATA_POLICY: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
const HSTS: HeaderValue = HeaderValue::from_static("max-age=31536000; includeSubDomains");

/// The layer around all routes.
pub async fn frame(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    let request_id = RequestId::of(request.headers());
    simplify_encodings(request.headers_mut());
    let decisions = Decisions::default();
    request.extensions_mut().insert(decisions.clone());
    let time = time_for(&request, app.config.request_timeout);
    let context = Context { request_id: request_id.clone(), deadline: Deadline::after(time) };
    let limit = time + MARGIN;

    let served = async {
        match head_fits(&request) {
            Ok(()) => next.run(request).await,
            Err(problem) => problem.into_response(),
        }
    };
    // A panic becomes an answer here, and not further out, so that it has the same headers as any other.
    let served = AssertUnwindSafe(timeout(limit, context.scope(served))).catch_unwind();
    let response = match served.await {
        Ok(Ok(response)) => response,
        Ok(Err(_)) => Problem::from(rpc::Problem::late()).into_response(),
        Err(_) => {
            tracing::error!("a request panicked");
            let kind = rpc::Kind::Internal;
            Problem::new(rpc::KindOnWire::http(kind), kind.reason(), kind.message()).into_response()
        }
    };
    finish(&app, response, request_id.as_str(), &decisions)
}

/// How long a request may take: what the contract says about its rpc, or the usual time where it says nothing.
fn time_for(request: &Request, usual: Duration) -> Duration {
    /// What `proto::Method` holds where the contract says nothing, in seconds.
    const UNSAID: u64 = 10;
    static SAID: LazyLock<HashMap<(&str, &str), u64>> = LazyLock::new(|| {
        let said = METHODS.iter().filter(|method| method.time_limit != UNSAID);
        said.filter_map(|method| Some((method.http?, method.time_limit))).collect()
    });
    let path = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    SAID.get(&(request.method().as_str(), path)).map_or(usual, |seconds| Duration::from_secs(*seconds))
}

/// Leaves of `Accept-Encoding` what matters to us. The compression below answers 406 to whoever takes nothing that it
/// knows, and does so after the work was done; we send such a client plain text, as RFC 9110 (12.5.3) allows.
fn simplify_encodings(headers: &mut HeaderMap) {
    let lines = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|line| line.to_str().ok());
    let takes_gzip = lines.flat_map(|line| line.split(',')).any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let is_gzip = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
        is_gzip
            && !parts
                .any(|part| part.strip_prefix("q=").is_some_and(|weight| weight.trim_matches(['0', '.']).is_empty()))
    });
    headers.remove(header::ACCEPT_ENCODING);
    if takes_gzip {
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
    }
}

fn head_fits(request: &Request) -> Result<(), Problem> {
    let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    if target > LONGEST_TARGET {
        let detail = format!("An address has at most {LONGEST_TARGET} bytes.");
        return Err(Problem::new(StatusCode::URI_TOO_LONG, "ADDRESS_TOO_LONG", detail));
    }
    let head: usize = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if head > LARGEST_HEAD {
        let detail = format!("The headers have at most {LARGEST_HEAD} bytes.");
        return Err(Problem::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "HEADERS_TOO_LARGE", detail));
    }
    Ok(())
}

fn finish(app: &App, mut response: Response, request_id: &str, decisions: &Decisions) -> Response {
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        *response.body_mut() = problem.body(request_id);
    }
    let headers = response.headers_mut();
    decisions.write(headers);
    let mut default = |name: HeaderName, value: HeaderValue| default(headers, name, value);
    default(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    default(header::CONTENT_SECURITY_POLICY, DATA_POLICY);
    default(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    default(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    default(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    // Over plain HTTP browsers ignore it, and the standard forbids it.
    if app.config.public_url.scheme() == "https" {
        default(header::STRICT_TRANSPORT_SECURITY, HSTS);
    }
    response
}

fn default(headers: &mut HeaderMap, name: HeaderName, value: HeaderValue) {
    headers.entry(name).or_insert(value);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use auth::Signer;
    use axum::{Router, body::Body, middleware::from_fn_with_state, routing::get};
    use base64::{Engine, prelude::BASE64_STANDARD};
    use chassis::Env;
    use http_body_util::BodyExt;
    use serde_json::Value;
    use tokio_util::sync::CancellationToken;
    use tower::ServiceExt;
    use values::SystemClock;

    fn app() -> Arc<App> {
        let key = Signer::generate().unwrap();
        let keys = auth::Jwks::new([Signer::from_pkcs8("gateway.x", &key).unwrap().public_jwk()]).unwrap();
        let usual = [
            ("LYCEUM_PUBLIC_URL", "https://school.test".to_owned()),
            ("LYCEUM_REDIS_URL", "redis://127.0.0.1:9".to_owned()),
            ("LYCEUM_ISSUER", "https://school.test".to_owned()),
            ("LYCEUM_SERVICE_KEY", BASE64_STANDARD.encode(key)),
            ("LYCEUM_SERVICE_KEYS", serde_json::to_string(&keys).unwrap()),
        ];
        let owners =
            crate::routes::Backends::OWNERS.iter().map(|(_, variable)| (*variable, "http://127.0.0.1:9".to_owned()));
        let mut env = Env::of(usual.into_iter().chain(owners));
        let config = Config::read(&mut env).unwrap();
        App::build(config, Arc::new(SystemClock), CancellationToken::new()).unwrap()
    }

    #[test]
    fn only_a_client_that_takes_gzip_gets_it() {
        let left = |accepted: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, accepted.parse().unwrap());
            simplify_encodings(&mut headers);
            headers.get(header::ACCEPT_ENCODING).map(|left| left.to_str().unwrap().to_owned())
        };
        for yes in ["gzip", "br, GZIP;q=0.5", "deflate,gzip ; q=1", "identity;q=0, gzip"] {
            assert_eq!(left(yes).as_deref(), Some("gzip"), "{yes}");
        }
        for no in ["", "br", "gzip;q=0", "gzip; q=0.000", "identity;q=0", "*;q=0", "gzipped"] {
            assert_eq!(left(no), None, "{no}");
        }
    }

    #[tokio::test]
    async fn a_panic_is_answered_like_any_other_mistake_of_ours() {
        let app = app();
        let breaks = get(async || {
            if true {
                panic!("the secret is out")
            }
        });
        let router =
            Router::new().route("/", breaks).layer(from_fn_with_state(Arc::clone(&app), frame)).with_state(app);
        let request = Request::builder().uri("/").header("x-request-id", "request-1").body(Body::empty()).unwrap();
        let response = router.oneshot(request).await.unwrap();
        assert_eq!(response.status(), 500);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
        assert_eq!(response.headers()[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let body: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!((&body["code"], &body["requestId"]), (&"INTERNAL".into(), &"request-1".into()));
        assert!(!body.to_string().contains("secret"));
    }
}
