//! What is known of every call: its span, its request id, its metrics, and that a panic in it hurts nobody else.

use std::{
    collections::BTreeSet,
    convert::Infallible,
    panic::AssertUnwindSafe,
    sync::{PoisonError, RwLock},
    task::{self, Poll},
    time::Instant,
};

use futures::{FutureExt, future::BoxFuture};
use http::{HeaderName, HeaderValue, Request, Response};
use rpc::{REQUEST_ID, RequestId};
use tonic::{Code, Status, body::Body};
use tower::Service;
use tracing::{Instrument, Span, field::Empty};

use super::{Inner, body::Watched};
use crate::{panics, telemetry::continue_trace};

/// Wraps the routes and their layers.
#[derive(Clone)]
pub(super) struct Observed {
    inner: Inner,
}

impl Observed {
    pub(super) fn new(inner: Inner) -> Self {
        Self { inner }
    }
}

impl Service<Request<Body>> for Observed {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, context: &mut task::Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let request_id = RequestId::of(request.headers());
        let call = Call::begin(&request, &request_id);
        let header = HeaderValue::try_from(request_id.as_str()).ok();
        if let Some(id) = &header {
            // The next layers find the same id.
            request.headers_mut().insert(HeaderName::from_static(REQUEST_ID), id.clone());
        }
        let span = call.span.clone();
        // The service may panic before it has made its future, too. A call gets the clone that was polled ready.
        let ready = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, ready);
        let answering = AssertUnwindSafe(async move { inner.call(request).await }).catch_unwind();
        let answered = async move {
            let answer = answering.await.unwrap_or_else(|panic| {
                tracing::error!(error = panics::text(&*panic), "a call panicked");
                Ok(Status::internal("something went wrong on our side").into_http())
            });
            answer.map(|mut response| {
                if let Some(id) = header {
                    response.headers_mut().insert(HeaderName::from_static(REQUEST_ID), id);
                }
                call.watch(response)
            })
        };
        Box::pin(answered.instrument(span))
    }
}

/// The rpcs that have answered, and so exist.
static KNOWN: RwLock<BTreeSet<String>> = RwLock::new(BTreeSet::new());

/// One call, from its head to its trailers; dropped without an end, it was cancelled.
pub(super) struct Call {
    span: Span,
    rpc: String,
    begun: Instant,
    ended: bool,
}

impl Call {
    fn begin(request: &Request<Body>, request_id: &RequestId) -> Self {
        let rpc = request.uri().path().trim_start_matches('/').to_owned();
        let (service, method) = rpc.split_once('/').unwrap_or((&rpc, ""));
        // Probes and tools would only hide the real traffic.
        let span = if service.starts_with("grpc.") {
            Span::none()
        } else {
            tracing::info_span!(
                "rpc",
                otel.name = rpc,
                otel.kind = "server",
                otel.status_code = Empty,
                rpc.system = "grpc",
                rpc.service = service,
                rpc.method = method,
                rpc.grpc.status_code = Empty,
                http.request.id = request_id.as_str(),
            )
        };
        continue_trace(&span, request.headers());
        metrics::gauge!("rpc_server_in_flight").increment(1);
        Self { span, rpc, begun: Instant::now(), ended: false }
    }

    /// An answer without a message carries its status in the head; any other in the trailers, after the messages.
    fn watch(mut self, response: Response<Body>) -> Response<Body> {
        match response.headers().get("grpc-status") {
            Some(status) => {
                self.end(Code::from_bytes(status.as_bytes()));
                response
            }
            None => response.map(|body| Body::new(Watched::new(body, self))),
        }
    }

    pub(super) fn span(&self) -> &Span {
        &self.span
    }

    pub(super) fn end(&mut self, code: Code) {
        if self.ended {
            return;
        }
        self.ended = true;
        let name = name(code);
        self.span.record("rpc.grpc.status_code", i64::from(code as i32));
        if is_our_fault(code) {
            self.span.record("otel.status_code", "ERROR");
        }
        metrics::gauge!("rpc_server_in_flight").decrement(1);
        let rpc = if self.exists(code) { std::mem::take(&mut self.rpc) } else { "unknown".to_owned() };
        metrics::histogram!("rpc_server_duration_seconds", "rpc" => rpc.clone()).record(self.begun.elapsed());
        metrics::counter!("rpc_server_requests_total", "rpc" => rpc, "code" => name).increment(1);
    }
}

impl Call {
    /// Whether its rpc exists, as far as can be told from how it ended. Only then it gets a label of its own: the
    /// paths of strangers must not grow our memory. One that was cancelled may never have come to its service.
    fn exists(&self, code: Code) -> bool {
        let is_known = || KNOWN.read().unwrap_or_else(PoisonError::into_inner).contains(&self.rpc);
        match code {
            Code::Unimplemented => false,
            Code::Cancelled => is_known(),
            _ => {
                if !is_known() {
                    KNOWN.write().unwrap_or_else(PoisonError::into_inner).insert(self.rpc.clone());
                }
                true
            }
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.end(Code::Cancelled);
    }
}

fn is_our_fault(code: Code) -> bool {
    matches!(code, Code::Unknown | Code::DeadlineExceeded | Code::Internal | Code::Unavailable | Code::DataLoss)
}

/// The code as gRPC spells it.
fn name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

#[cfg(test)]
mod tests {
    use metrics_exporter_prometheus::PrometheusBuilder;

    use super::*;

    #[test]
    fn a_call_that_is_reset_before_anybody_had_it_makes_no_label() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let begin = |path: &str| {
            let request = Request::builder().uri(path).body(Body::empty()).unwrap();
            Call::begin(&request, &RequestId::of(request.headers()))
        };
        metrics::with_local_recorder(&recorder, || {
            drop(begin("/a.stranger/Nonsense"));
            begin("/lyceum.probe.v1.Probe/Echo").end(Code::Ok);
            drop(begin("/lyceum.probe.v1.Probe/Echo"));
        });
        let text = recorder.handle().render();
        assert!(!text.contains("stranger"), "{text}");
        assert!(text.contains(r#"rpc_server_requests_total{rpc="unknown",code="CANCELLED"} 1"#), "{text}");
        assert!(text.contains(r#"rpc_server_requests_total{rpc="lyceum.probe.v1.Probe/Echo",code="CANCELLED"} 1"#));
    }
}
