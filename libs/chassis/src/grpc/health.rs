//! `grpc.health.v1`: the same answer as /readyz, for those who ask over gRPC.

use std::time::Duration;

use tokio::time::timeout;
use tonic_health::{
    ServingStatus,
    pb::health_server::{Health, HealthServer},
    server::{HealthReporter, HealthService},
};

use crate::Runtime;

/// How old the answer may be. A change of phase is told at once.
const FRESH: Duration = Duration::from_secs(2);

/// The empty name stands for the whole server.
const WHOLE_SERVER: &str = "";

/// The health service, kept up to date by a task.
pub(super) fn service(runtime: &Runtime) -> HealthServer<impl Health> {
    let mut reporter = HealthReporter::new();
    let health = HealthServer::new(HealthService::from_health_reporter(reporter.clone()));
    let watched = runtime.clone();
    runtime.tasks.spawn("health", async move {
        let mut phases = watched.admin.phases();
        while !watched.draining.is_cancelled() {
            let ready = watched.admin.report().await.ready;
            let status = if ready { ServingStatus::Serving } else { ServingStatus::NotServing };
            reporter.set_service_status(WHOLE_SERVER, status).await;
            watched.draining.run_until_cancelled(timeout(FRESH, phases.changed())).await;
        }
        // Ends the streams of those who watch; a stop would wait for them.
        reporter.clear_service_status(WHOLE_SERVER).await;
        watched.shutdown.cancelled().await;
    });
    health
}
