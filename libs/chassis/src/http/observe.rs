//! What is known of every request: its span, its id, its metrics, and that a panic in it hurts nobody else.

use std::{
    convert::Infallible,
    panic::AssertUnwindSafe,
    task::{self, Poll},
    time::Instant,
};

use axum::{
    body::Body,
    extract::MatchedPath,
    response::{IntoResponse, Response},
};
use futures::{FutureExt, future::BoxFuture};
use http::{HeaderName, HeaderValue, Method, Request, StatusCode};
use rpc::{Context, Deadline, REQUEST_ID, RequestId};
use tower::{Layer, Service};
use tracing::{Instrument, Span, field::Empty};

use super::PanicAnswer;
use crate::{panics, telemetry::continue_trace};

/// Puts [`Observed`] around a route.
#[derive(Debug, Clone)]
pub(super) struct ObserveLayer {
    panic_answer: PanicAnswer,
}

/// How requests end, as a service level counts them: one of these per answer.
const CLASSES: [&str; 6] = ["1xx", "2xx", "3xx", "4xx", "5xx", GONE];

/// The other side went away before there was an answer.
const GONE: &str = "gone";

impl ObserveLayer {
    pub(super) fn new(panic_answer: PanicAnswer) -> Self {
        // From the start, with zeros: of a series that begins with its first failures, Prometheus would never count
        // those.
        for class in CLASSES {
            metrics::counter!("http_server_responses_total", "class" => class).absolute(0);
        }
        Self { panic_answer }
    }
}

impl<S> Layer<S> for ObserveLayer {
    type Service = Observed<S>;

    fn layer(&self, inner: S) -> Observed<S> {
        Observed { inner, panic_answer: self.panic_answer }
    }
}

#[derive(Debug, Clone)]
pub(super) struct Observed<S> {
    inner: S,
    panic_answer: PanicAnswer,
}

impl<S> Service<Request<Body>> for Observed<S>
where
    S: Service<Request<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Response: IntoResponse,
    S::Future: Send,
{
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, context: &mut task::Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let request_id = RequestId::of(request.headers());
        let header = HeaderValue::try_from(request_id.as_str()).ok();
        if let Some(id) = &header {
            request.headers_mut().insert(HeaderName::from_static(REQUEST_ID), id.clone());
        }
        // Strangers do not choose how long we work for them, so every request begins with the usual deadline.
        let context = Context { request_id: request_id.clone(), deadline: Deadline::usual() };
        request.extensions_mut().insert(context.clone());
        let mut exchange = Exchange::begin(&request, &request_id);
        let span = exchange.span.clone();
        let panic_answer = self.panic_answer;
        let ready = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, ready);
        let answering = context.scope(async move { inner.call(request).await.map(IntoResponse::into_response) });
        let answered = async move {
            let answer = AssertUnwindSafe(answering).catch_unwind().await.unwrap_or_else(|panic| {
                tracing::error!(error = panics::text(&*panic), "a request panicked");
                Ok(panic_answer(request_id.as_str()))
            });
            answer.map(|mut response| {
                if let Some(id) = header {
                    response.headers_mut().insert(HeaderName::from_static(REQUEST_ID), id);
                }
                exchange.end(Some(response.status()));
                response
            })
        };
        Box::pin(answered.instrument(span))
    }
}

/// One request until its answer's head; dropped without an end, the other side has gone away.
struct Exchange {
    span: Span,
    route: String,
    method: &'static str,
    begun: Instant,
    ended: bool,
}

impl Exchange {
    fn begin(request: &Request<Body>, request_id: &RequestId) -> Self {
        // The pattern, never the path: the paths of strangers must not grow our memory.
        let route = request.extensions().get::<MatchedPath>().map_or("unmatched", MatchedPath::as_str).to_owned();
        let method = known(request.method());
        let span = tracing::info_span!(
            "http",
            otel.name = format!("{method} {route}"),
            otel.kind = "server",
            otel.status_code = Empty,
            http.request.method = method,
            http.route = route,
            http.request.id = request_id.as_str(),
            http.response.status_code = Empty,
        );
        continue_trace(&span, request.headers());
        metrics::gauge!("http_server_in_flight").increment(1);
        Self { span, route, method, begun: Instant::now(), ended: false }
    }

    fn end(&mut self, status: Option<StatusCode>) {
        if self.ended {
            return;
        }
        self.ended = true;
        metrics::gauge!("http_server_in_flight").decrement(1);
        let shown = match status {
            Some(status) => {
                self.span.record("http.response.status_code", status.as_u16());
                if status.is_server_error() {
                    self.span.record("otel.status_code", "ERROR");
                }
                status.as_str().to_owned()
            }
            None => GONE.to_owned(),
        };
        let class = status.map_or(Some(GONE), class);
        if let Some(class) = class {
            metrics::counter!("http_server_responses_total", "class" => class).increment(1);
        }
        let (route, method) = (std::mem::take(&mut self.route), self.method);
        metrics::histogram!("http_server_duration_seconds", "route" => route.clone(), "method" => method)
            .record(self.begun.elapsed());
        metrics::counter!("http_server_requests_total", "route" => route, "method" => method, "status" => shown)
            .increment(1);
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.end(None);
    }
}

/// `2xx` and the like; none for a status that HTTP does not have.
fn class(status: StatusCode) -> Option<&'static str> {
    CLASSES.get(usize::from(status.as_u16() / 100).checked_sub(1)?).copied().filter(|class| *class != GONE)
}

/// The usual methods by name, all others by one.
fn known(method: &Method) -> &'static str {
    let usual = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];
    usual.into_iter().find(|name| *name == method.as_str()).unwrap_or("OTHER")
}
