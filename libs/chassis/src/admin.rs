//! The admin port: is it alive, is it ready, how is it doing. Never reachable from the Internet, and without secrets
//! anyway.

use std::{
    fmt,
    future::Future,
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::Context;
use axum::{
    Router,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use futures::future::{BoxFuture, join_all};
use serde_json::{Map, Value, json};
use tokio::{net::TcpListener, sync::watch, time::timeout};

use crate::{Runtime, metric::Recorder};

/// How long a check may take before it counts as failed.
const CHECK_BUDGET: Duration = Duration::from_secs(1);

/// The readiness of the process; clones share it.
///
/// Ready means: serving, every check passes, not draining. A shared dependency that is down is no reason to be
/// unready: it would take all replicas away at once and help nobody.
#[derive(Clone)]
pub struct Admin {
    phase: watch::Sender<Phase>,
    checks: Arc<Mutex<Vec<Check>>>,
}

/// Where in its life the process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Starting,
    Serving,
    Draining,
}

#[derive(Clone)]
struct Check {
    name: &'static str,
    run: Arc<dyn Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync>,
    passed: Arc<AtomicBool>,
}

impl Check {
    /// Asks, unless it has passed before.
    async fn ask(self) -> (&'static str, Result<(), String>) {
        if self.passed.load(Ordering::Relaxed) {
            return (self.name, Ok(()));
        }
        let answer = timeout(CHECK_BUDGET, (self.run)()).await;
        let answer = answer.unwrap_or_else(|_| Err(format!("no answer within {CHECK_BUDGET:?}")));
        self.passed.fetch_or(answer.is_ok(), Ordering::Relaxed);
        (self.name, answer)
    }
}

/// What /readyz answers.
pub(crate) struct Report {
    pub(crate) ready: bool,
    checks: Map<String, Value>,
}

impl fmt::Debug for Admin {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Admin").field("phase", &*self.phase.borrow()).finish_non_exhaustive()
    }
}

impl Admin {
    pub(crate) fn new() -> Self {
        Self { phase: watch::Sender::new(Phase::Starting), checks: Arc::default() }
    }

    /// Adds a check that must have passed for the process to be ready, such as a schema that is new enough. It is
    /// asked every few seconds, has one second to answer, and is asked no more once it has passed: a schema does not
    /// grow old, but the database that is asked may go.
    pub fn ready_when<C, F, E>(&self, name: &'static str, check: C)
    where
        C: Fn() -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: fmt::Display,
    {
        let run = Arc::new(move || -> BoxFuture<'static, Result<(), String>> {
            let checking = check();
            Box::pin(async move { checking.await.map_err(|error| format!("{error:#}")) })
        });
        self.checks.lock().unwrap_or_else(PoisonError::into_inner).push(Check { name, run, passed: Arc::default() });
    }

    /// Says that the service does its work now. The servers of the chassis say it when they listen; a service without
    /// one says it itself.
    pub fn serving(&self) {
        self.phase.send_if_modified(|phase| {
            let starting = *phase == Phase::Starting;
            if starting {
                *phase = Phase::Serving;
            }
            starting
        });
    }

    /// Says that the process wants no new work any more; for good.
    pub(crate) fn drain(&self) {
        self.phase.send_replace(Phase::Draining);
    }

    /// Whether the process wants no new work any more.
    pub(crate) fn is_draining(&self) -> bool {
        *self.phase.borrow() == Phase::Draining
    }

    /// Follows the phases.
    pub(crate) fn phases(&self) -> watch::Receiver<Phase> {
        self.phase.subscribe()
    }

    /// Asks every check.
    pub(crate) async fn report(&self) -> Report {
        let phase = *self.phase.borrow();
        let asked: Vec<Check> = self.checks.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let answers = join_all(asked.into_iter().map(Check::ask)).await;

        let serving = match phase {
            Phase::Starting => "starting",
            Phase::Serving | Phase::Draining => "ok",
        };
        let draining = if phase == Phase::Draining { "draining" } else { "ok" };
        let ready = phase == Phase::Serving && answers.iter().all(|(_, answer)| answer.is_ok());
        let mut checks = Map::new();
        checks.insert("serving".to_owned(), json!(serving));
        checks.insert("not-draining".to_owned(), json!(draining));
        for (name, answer) in answers {
            checks.insert(name.to_owned(), json!(answer.err().unwrap_or_else(|| "ok".to_owned())));
        }
        Report { ready, checks }
    }
}

/// Opens the port and answers on it until the process ends: even a draining process can be asked how it is.
///
/// Answers with the address, which is of interest when the port was left to the system.
pub(crate) async fn open(runtime: &Runtime, listen: SocketAddr, recorder: Recorder) -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind(listen).await;
    let listener =
        listener.with_context(|| format!("the admin port cannot listen on {listen} (LYCEUM_ADMIN_LISTEN)"))?;
    let address = listener.local_addr()?;
    let admin = runtime.admin.clone();
    let router = Router::new()
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(move || readyz(admin.clone())))
        .route("/metrics", get(move || metrics(recorder.clone())));
    detached(async move {
        if let Err(error) = axum::serve(listener, router).await {
            tracing::error!(error = %error, "the admin port has closed");
        }
    });
    Ok(address)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the admin port answers until the very end, so the stop must not wait for it"
)]
fn detached(serving: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(serving);
}

async fn readyz(admin: Admin) -> Response {
    let report = admin.report().await;
    let (status, word) =
        if report.ready { (StatusCode::OK, "ready") } else { (StatusCode::SERVICE_UNAVAILABLE, "not ready") };
    (status, axum::Json(json!({ "status": word, "checks": report.checks }))).into_response()
}

async fn metrics(recorder: Recorder) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], recorder.render()).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn ready_means_serving_with_every_check_passed_and_not_draining() {
        let admin = Admin::new();
        let migrated = Arc::new(AtomicBool::new(false));
        let asked = Arc::clone(&migrated);
        admin.ready_when("schema", move || {
            let migrated = asked.load(Ordering::Relaxed);
            async move { if migrated { Ok(()) } else { Err(anyhow::anyhow!("version 3 is needed, found 2")) } }
        });
        assert!(!admin.report().await.ready);
        admin.serving();
        let report = admin.report().await;
        assert!(!report.ready);
        assert_eq!(report.checks["schema"], "version 3 is needed, found 2");
        migrated.store(true, Ordering::Relaxed);
        assert!(admin.report().await.ready);
        // The store that knows has gone: no reason to be unready.
        migrated.store(false, Ordering::Relaxed);
        assert!(admin.report().await.ready);
        admin.drain();
        let report = admin.report().await;
        assert!(!report.ready);
        assert_eq!(report.checks["not-draining"], "draining");
        admin.serving();
        assert!(!admin.report().await.ready, "a draining process does not come back");
    }

    #[tokio::test(start_paused = true)]
    async fn a_check_that_hangs_counts_as_failed() {
        let admin = Admin::new();
        admin.serving();
        admin.ready_when("hangs", std::future::pending::<Result<(), String>>);
        assert!(!admin.report().await.ready);
    }
}
