//! The W3C trace context in the headers of a call. Spans are made by whoever serves; the propagator is set by chassis.

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::{
    Context,
    global::get_text_map_propagator,
    propagation::{Extractor, Injector},
};
use tonic::metadata::MetadataMap;
use tracing_opentelemetry::OpenTelemetrySpanExt;

struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).and_then(|value| value.to_str().ok())
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }
}

struct Written<'a>(&'a mut HeaderMap);

impl Injector for Written<'_> {
    fn set(&mut self, key: &str, value: String) {
        if let (Ok(key), Ok(value)) = (HeaderName::try_from(key), HeaderValue::try_from(value)) {
            self.0.insert(key, value);
        }
    }
}

/// The trace that a request belongs to: the parent for the span that serves it.
pub fn remote(headers: &HeaderMap) -> Context {
    get_text_map_propagator(|propagator| propagator.extract(&Headers(headers)))
}

/// Writes the trace of the current span into the headers of a request that goes out.
pub fn inject(headers: &mut HeaderMap) {
    let context = tracing::Span::current().context();
    get_text_map_propagator(|propagator| propagator.inject_context(&context, &mut Written(headers)));
}

pub(crate) fn write(metadata: &mut MetadataMap) {
    inject(metadata.as_mut());
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_traceparent_is_a_trace_or_none(text in "[ -~]{0,70}|[0-9a-fA-F]{0,3}-[0-9a-fA-F]{30,34}-[0-9a-fA-F]{14,18}-[0-9a-fA-F]{0,3}") {
            opentelemetry::global::set_text_map_propagator(TraceContextPropagator::new());
            let mut headers = HeaderMap::new();
            headers.insert("traceparent", HeaderValue::try_from(&text).unwrap());
            headers.insert("tracestate", HeaderValue::try_from(text).unwrap());
            let _ = remote(&headers).span().span_context().is_valid();
        }
    }
    use opentelemetry::trace::{TraceContextExt, TracerProvider};
    use opentelemetry_sdk::{propagation::TraceContextPropagator, trace::SdkTracerProvider};
    use tracing_subscriber::layer::SubscriberExt;

    #[test]
    fn a_trace_goes_on_through_a_service() {
        opentelemetry::global::set_text_map_propagator(TraceContextPropagator::new());
        let tracer = SdkTracerProvider::builder().build().tracer("test");
        let layer = tracing_opentelemetry::layer().with_tracer(tracer);
        let (trace, parent) = ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331");
        let mut incoming = HeaderMap::new();
        incoming.insert("traceparent", format!("00-{trace}-{parent}-01").parse().unwrap());
        assert_eq!(remote(&incoming).span().span_context().span_id().to_string(), parent);

        let mut outgoing = HeaderMap::new();
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            let span = tracing::info_span!("served");
            span.set_parent(remote(&incoming)).unwrap();
            span.in_scope(|| inject(&mut outgoing));
        });
        let sent = outgoing["traceparent"].to_str().unwrap();
        assert!(sent.starts_with(&format!("00-{trace}-")) && !sent.contains(parent), "{sent}");
    }
}
