use bus::{Envelope, Failure};
use opentelemetry::trace::{TraceContextExt, TracerProvider};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use proto::lyceum::events::v1::OrderPaid;
use sqlx::PgConnection;
use tokio::sync::mpsc;
use tracing::{Instrument, Span, info_span};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::layer::SubscriberExt;

use crate::helpers::{Running, SOON, World};

type Received = mpsc::UnboundedSender<(String, String)>;

/// The trace that the current span belongs to.
fn trace_id() -> String {
    Span::current().context().span().span_context().trace_id().to_string()
}

async fn receive(received: &Received, _: &mut PgConnection, envelope: &Envelope, _: OrderPaid) -> Result<(), Failure> {
    received.send((trace_id(), envelope.traceparent.clone())).unwrap();
    Ok(())
}

#[tokio::test]
async fn the_consumers_work_belongs_to_the_trace_of_the_announcement() {
    opentelemetry::global::set_text_map_propagator(TraceContextPropagator::new());
    let tracer = SdkTracerProvider::builder().build().tracer("test");
    // For the whole process: a subscriber of one thread is not asked about spans that another thread meets first.
    let subscriber = tracing_subscriber::registry().with(tracing_opentelemetry::layer().with_tracer(tracer));
    tracing::subscriber::set_global_default(subscriber).unwrap();
    tracing::callsite::rebuild_interest_cache();
    let world = World::new().await;
    let (received, mut receiver) = mpsc::unbounded_channel();
    let _consumer = Running::consumer(world.consumer().on::<OrderPaid>(bus::with(&received, receive)));
    let _relay = Running::relay(world.relay());
    let announced = async {
        world.announce_paid().await;
        trace_id()
    };
    let announced = announced.instrument(info_span!("request")).await;
    let (received, traceparent) = tokio::time::timeout(SOON, receiver.recv()).await.unwrap().unwrap();
    assert_eq!(received, announced);
    assert!(traceparent.contains(&announced), "{traceparent}");
}
