//! A trace collector: takes spans over OTLP/gRPC and answers what belongs to one trace over HTTP.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use axum::{
    Json, Router,
    extract::{Path, State},
    routing::get,
};
use opentelemetry_proto::tonic::{
    collector::trace::v1::{
        ExportTraceServiceRequest, ExportTraceServiceResponse,
        trace_service_server::{TraceService, TraceServiceServer},
    },
    common::v1::{KeyValue, any_value},
    trace::v1::ResourceSpans,
};
use serde::Serialize;
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status, codec::CompressionEncoding, transport::Server};

use crate::world::World;

/// So many spans are remembered; older ones are forgotten.
const KEPT: usize = 50_000;

/// A step of somebody's work.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Span {
    #[serde(skip)]
    trace_id: String,
    span_id: String,
    /// Empty for the first step of a trace.
    parent_span_id: String,
    service: String,
    name: String,
}

/// The spans that arrived last.
#[derive(Debug, Default)]
pub(crate) struct Traces(Mutex<VecDeque<Span>>);

impl Traces {
    fn keep(&self, spans: impl Iterator<Item = Span>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend(spans);
        let surplus = kept.len().saturating_sub(KEPT);
        kept.drain(..surplus);
    }

    fn of(&self, trace_id: &str) -> Vec<Span> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().filter(|span| span.trace_id == trace_id).cloned().collect()
    }
}

pub(crate) fn routes() -> Router<World> {
    Router::new().route("/control/traces/{trace_id}", get(one))
}

async fn one(State(world): State<World>, Path(trace_id): Path<String>) -> Json<Vec<Span>> {
    Json(world.traces().of(&trace_id))
}

/// Collects until the process ends; for ever idle without a listener.
pub(crate) async fn serve(listener: Option<TcpListener>, world: World) -> Result<(), tonic::transport::Error> {
    let Some(listener) = listener else { return std::future::pending().await };
    let collector = TraceServiceServer::new(Collector(world)).accept_compressed(CompressionEncoding::Gzip);
    Server::builder().add_service(collector).serve_with_incoming(TcpListenerStream::new(listener)).await
}

struct Collector(World);

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        self.0.traces().keep(request.into_inner().resource_spans.into_iter().flat_map(spans));
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

fn spans(of: ResourceSpans) -> impl Iterator<Item = Span> {
    let attributes = of.resource.map(|resource| resource.attributes).unwrap_or_default();
    let service = attributes.into_iter().find_map(service_name).unwrap_or_default();
    of.scope_spans.into_iter().flat_map(|scope| scope.spans).map(move |span| Span {
        trace_id: hex::encode(span.trace_id),
        span_id: hex::encode(span.span_id),
        parent_span_id: hex::encode(span.parent_span_id),
        service: service.clone(),
        name: span.name,
    })
}

fn service_name(attribute: KeyValue) -> Option<String> {
    match attribute.value?.value? {
        any_value::Value::StringValue(name) if attribute.key == "service.name" => Some(name),
        _ => None,
    }
}
