//! W3C trace context in and out of the bus, through the process's propagator: one trace from the request to the
//! consumer.

use opentelemetry::global;
use opentelemetry::propagation::{Extractor, Injector};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// The header and the envelope's field that carry the context.
pub const TRACEPARENT: &str = "traceparent";

/// One context as text; `tracestate` is not carried.
struct Carrier(String);

impl Injector for Carrier {
    fn set(&mut self, key: &str, value: String) {
        if key == TRACEPARENT {
            self.0 = value;
        }
    }
}

impl Extractor for Carrier {
    fn get(&self, key: &str) -> Option<&str> {
        (key == TRACEPARENT).then_some(self.0.as_str())
    }

    fn keys(&self) -> Vec<&str> {
        vec![TRACEPARENT]
    }
}

/// The current span's context, or an empty text where nothing is traced.
pub fn current() -> String {
    let mut carrier = Carrier(String::new());
    let context = Span::current().context();
    global::get_text_map_propagator(|propagator| propagator.inject_context(&context, &mut carrier));
    carrier.0
}

/// Makes a span, before it is entered, continue the trace that an event was announced in.
pub(crate) fn resume(span: &Span, traceparent: &str) {
    if traceparent.is_empty() {
        return;
    }
    let carrier = Carrier(traceparent.to_owned());
    let context = global::get_text_map_propagator(|propagator| propagator.extract(&carrier));
    if span.set_parent(context).is_err() {
        tracing::debug!("The span is not traced, so it does not continue the event's trace.");
    }
}
