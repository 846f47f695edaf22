//! Logs and traces. Metrics are in `metric`; what is worth saying is decided where it happens.

mod ecs;
mod outlet;

use std::{
    io::{IsTerminal, stdout},
    time::Duration,
};

use anyhow::Context;
use http::Uri;
use hyper_util::rt::TokioIo;
use opentelemetry::{Key, KeyValue, global, trace::TracerProvider};
use opentelemetry_otlp::{Compression, SpanExporter, WithExportConfig, WithTonicConfig};
use opentelemetry_sdk::{
    Resource,
    propagation::TraceContextPropagator,
    resource::EnvResourceDetector,
    trace::{Sampler, SdkTracerProvider},
};
use tls::{Connector, Identity};
use tokio::{task::spawn_blocking, time::timeout};
use tonic::transport::{Channel, Endpoint};
use tower::service_fn;
use tracing::{Level, Metadata, Span};
use tracing_appender::non_blocking::{ErrorCounter, WorkerGuard};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::{Layer, filter::filter_fn, layer::SubscriberExt, util::SubscriberInitExt};
use url::Url;

use crate::{
    build,
    settings::{LogFormat, Ratio, Settings},
};

/// What OpenTelemetry and ECS call the version of a service.
const VERSION: &str = "service.version";

/// How long the collector may take.
const SEND: Duration = Duration::from_secs(5);

/// The port of OTLP/gRPC.
const OTLP: u16 = 4317;

/// Where the log lines and the traces of this process go.
#[derive(Debug)]
pub struct Telemetry {
    traces: SdkTracerProvider,
    dropped: ErrorCounter,
    /// Writes the last lines when it is dropped.
    lines: WorkerGuard,
}

impl Telemetry {
    /// Starts logging and tracing for the whole process. Must be called inside the tokio runtime, and once.
    pub fn start(service: &'static str, settings: &Settings) -> anyhow::Result<Self> {
        let resource = resource(service);
        let version = resource.get(&Key::from_static_str(VERSION)).map(|version| version.to_string());
        // Without a collector spans still get ids, so that the log lines of one request can be found, but cost nearly
        // nothing.
        let kept = if settings.otlp_endpoint.is_some() { settings.trace_ratio } else { Ratio::NONE };
        let ratio = Sampler::TraceIdRatioBased(kept.get());
        let mut traces =
            SdkTracerProvider::builder().with_resource(resource).with_sampler(Sampler::ParentBased(Box::new(ratio)));
        if let Some(endpoint) = &settings.otlp_endpoint {
            let exporter = SpanExporter::builder()
                .with_tonic()
                .with_channel(collector(endpoint, &settings.tls)?)
                .with_compression(Compression::Gzip)
                .with_timeout(SEND)
                .build()
                .with_context(|| format!("traces cannot be sent to {endpoint} (LYCEUM_OTLP_ENDPOINT)"))?;
            traces = traces.with_batch_exporter(exporter);
        }
        let traces = traces.build();
        global::set_text_map_propagator(TraceContextPropagator::new());

        let spans = tracing_opentelemetry::layer()
            .with_tracer(traces.tracer("lyceum"))
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            .with_filter(filter_fn(traced).with_max_level_hint(Level::INFO));

        let levels = settings.log.clone();
        let loudest = levels.iter().map(|(_, level)| level).chain(levels.default_level()).max();
        let loudest = loudest.unwrap_or(Level::INFO.into()).max(Level::INFO.into());
        // Lines show the spans they stand in, however quiet the log itself is.
        let logged = move |about: &Metadata<'_>| match about.is_span() {
            true => traced(about),
            false => levels.would_enable(about.target(), about.level()),
        };
        let (out, guard, dropped) = outlet::open();
        let lines = match settings.log_format {
            LogFormat::Text => outlet::text(out).boxed(),
            LogFormat::Automatic if stdout().is_terminal() => outlet::text(out).boxed(),
            LogFormat::Automatic | LogFormat::Json => {
                ecs::Lines::new(service, version.unwrap_or_default(), out).boxed()
            }
        };
        let lines = lines.with_filter(filter_fn(logged).with_max_level_hint(loudest));
        // Spans first, so that a line finds the trace it belongs to.
        let started = tracing_subscriber::registry().with(spans).with(lines).try_init();
        started.context("the process has telemetry already")?;
        Ok(Self { traces, dropped, lines: guard })
    }

    /// Counts the log lines that found no room because nobody read those before.
    pub fn dropped(&self) -> ErrorCounter {
        self.dropped.clone()
    }

    /// Sends what is left; gives up after `budget`. What is logged afterwards is lost.
    pub async fn flush(self, budget: Duration) {
        let traces = self.traces;
        // The provider waits for its own thread, and must not do that on a thread of ours.
        let flushed = timeout(budget, spawn_blocking(move || traces.shutdown_with_timeout(budget))).await;
        if !matches!(flushed, Ok(Ok(Ok(())))) {
            tracing::warn!("some traces were not sent before the end");
        }
        drop(self.lines);
    }
}

/// Who this process is among all that are watched: what `OTEL_RESOURCE_ATTRIBUTES` says, as an operator sets it, before
/// what the build knows; but the name stays, which metrics, queues and dashboards use as well.
fn resource(service: &'static str) -> Resource {
    Resource::builder_empty()
        .with_attribute(KeyValue::new("service.namespace", "lyceum"))
        .with_attribute(KeyValue::new(VERSION, build::build().to_string()))
        .with_detector(Box::new(EnvResourceDetector::new()))
        .with_attribute(KeyValue::new("service.name", service))
        .build()
}

/// The way to the collector, made when it is needed; over TLS with the process's identity if its address says so.
fn collector(endpoint: &Url, identity: &Identity) -> anyhow::Result<Channel> {
    let port = endpoint.port_or_known_default().unwrap_or(OTLP);
    let host = endpoint.host_str().context("LYCEUM_OTLP_ENDPOINT has no host")?.to_owned();
    let name = (endpoint.scheme() == "https").then(|| tls::server_name(&host)).transpose()?;
    let connector = Connector::new(identity.clone());
    let connect = service_fn(move |_: Uri| {
        let (connector, host, name) = (connector.clone(), host.clone(), name.clone());
        async move { connector.connect(&host, port, name).await.map(TokioIo::new) }
    });
    let endpoint = Endpoint::from_shared(endpoint.to_string())?.timeout(SEND).connect_timeout(SEND);
    Ok(endpoint.connect_with_connector_lazy(connect))
}

/// Makes `span` a part of the trace that the other side began, if its headers tell one (W3C `traceparent`). Must come
/// before the span is entered.
pub fn continue_trace(span: &Span, headers: &http::HeaderMap) {
    // Refused only for a span that nobody records.
    let _ = span.set_parent(rpc::trace::remote(headers));
}

/// Spans of the level that our own code uses, and the events that belong into a trace.
fn traced(about: &Metadata<'_>) -> bool {
    let level = if about.is_span() { Level::INFO } else { Level::WARN };
    *about.level() <= level
}
