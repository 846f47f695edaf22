//! Lines for machines: one JSON object each, named after the Elastic Common Schema.
//!
//! A field with a dot in its name is taken for a name of the schema and written as it is; `error` becomes
//! `error.message`; any other field is written under `lyceum.`, so that it can never clash with a name of the schema
//! that holds an object.

use std::{fmt, io::Write};

use opentelemetry::trace::TraceContextExt;
use serde_json::{Map, Value};
use time::format_description::well_known::Rfc3339;
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
    span,
};
use tracing_appender::non_blocking::NonBlocking;
use tracing_subscriber::{Layer, fmt::MakeWriter, layer::Context, registry::LookupSpan};
use values::{Clock, SystemClock};

/// Writes every event to standard output.
pub(super) struct Lines {
    service: &'static str,
    version: String,
    out: NonBlocking,
}

/// The fields of a span, kept for the lines inside it.
struct Kept(Map<String, Value>);

impl Lines {
    pub(super) fn new(service: &'static str, version: String, out: NonBlocking) -> Self {
        Self { service, version, out }
    }

    fn line<S>(&self, event: &Event<'_>, context: &Context<'_, S>) -> Map<String, Value>
    where
        S: Subscriber + for<'span> LookupSpan<'span>,
    {
        let about = event.metadata();
        let mut own = Fields::default();
        event.record(&mut own);

        let mut line = Map::new();
        let mut put = |name: &str, value: Value| line.insert(name.to_owned(), value);
        put("@timestamp", SystemClock.now().format(&Rfc3339).unwrap_or_default().into());
        put("log.level", about.level().as_str().to_ascii_lowercase().into());
        put("message", own.message.into());
        put("service.name", self.service.into());
        put("service.version", self.version.as_str().into());
        put("log.logger", about.target().into());
        put("ecs.version", "8.11.0".into());
        let current = opentelemetry::Context::current();
        let trace = current.span().span_context().clone();
        if trace.is_valid() {
            put("trace.id", trace.trace_id().to_string().into());
            put("span.id", trace.span_id().to_string().into());
        }
        for span in context.event_scope(event).into_iter().flat_map(|scope| scope.from_root()) {
            if let Some(Kept(fields)) = span.extensions().get() {
                line.extend(fields.clone());
            }
        }
        line.extend(own.fields);
        line
    }
}

impl<S> Layer<S> for Lines
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    fn on_new_span(&self, attributes: &span::Attributes<'_>, id: &span::Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(Kept(fields.fields));
        }
    }

    fn on_record(&self, id: &span::Id, values: &span::Record<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        values.record(&mut fields);
        if let Some(span) = context.span(id)
            && let Some(Kept(kept)) = span.extensions_mut().get_mut()
        {
            kept.extend(fields.fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut line = Value::Object(self.line(event, &context)).to_string();
        line.push('\n');
        // It never waits; what finds no room is counted.
        let _ = self.out.make_writer().write_all(line.as_bytes());
    }
}

#[derive(Default)]
struct Fields {
    message: String,
    fields: Map<String, Value>,
}

impl Fields {
    fn put(&mut self, field: &Field, value: impl Into<Value>) {
        let name = match field.name() {
            // Instructions to the tracing layer, not facts.
            name if name.starts_with("otel.") => return,
            "error" => "error.message".to_owned(),
            name if name.contains('.') => name.to_owned(),
            name => format!("lyceum.{name}"),
        };
        self.fields.insert(name, value.into());
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let text = format!("{value:?}");
        if field.name() == "message" { self.message = text } else { self.put(field, text) }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" { value.clone_into(&mut self.message) } else { self.put(field, value) }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value);
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        let mut text = value.to_string();
        let mut cause = value.source();
        while let Some(error) = cause {
            text = format!("{text}: {error}");
            cause = error.source();
        }
        self.put(field, text);
    }
}
