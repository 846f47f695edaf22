//! An open loop: requests come at a fixed rate, whatever the answers take, and each is timed from the moment at which it was due, so
//! that a server that stands still is not spared the requests that came meanwhile.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use http::{StatusCode, Uri, header::HOST};
use http_body_util::{BodyExt, Full};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use serde::Serialize;
use time::format_description::well_known::Rfc3339;
use tokio::time::timeout;
use url::Url;
use values::{Clock, SystemClock};

use crate::drive::{Asked, Outcome};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How many requests may wait for their answers; one more is a failure, so that a dead server does not fill this machine.
const WAITING: usize = 512;
/// How long a connection is kept for the next request: less than the gateway keeps it, as browsers and load balancers do.
const IDLE: Duration = Duration::from_secs(30);

/// A stretch of time whose requests are counted together.
#[derive(Debug, Default)]
struct Phase {
    name: String,
    micros: Vec<u32>,
    failures: u64,
    elapsed: Duration,
}

/// What came of a phase.
#[derive(Debug, Clone, Serialize)]
pub struct Summary {
    /// Its name.
    pub phase: String,
    /// How many milliseconds it lasted.
    pub millis: u64,
    /// Requests that were due in it.
    pub requests: u64,
    /// Those that were not answered, or not by a success.
    pub failed: u64,
    /// Times from when they were due, in microseconds.
    pub p50: u64,
    /// The time within which 99 of 100 were answered.
    pub p99: u64,
    /// The longest.
    pub longest: u64,
}

/// A request that failed.
#[derive(Debug, Clone, Serialize)]
pub struct Failure {
    /// In which phase it was due.
    pub phase: String,
    /// When it was due.
    pub at: String,
    /// Such as `POST`.
    pub method: String,
    /// Its path.
    pub path: String,
    /// What was answered, or why nothing was.
    pub answer: String,
    /// After how many milliseconds.
    pub millis: u64,
}

/// A client with a pool of connections, as any front end has one, and the book of what it saw; clones share both.
#[derive(Debug, Clone)]
pub struct Open {
    client: Client<HttpConnector, Full<Bytes>>,
    to: Url,
    waiting: Arc<AtomicUsize>,
    phases: Arc<Mutex<Vec<Phase>>>,
    failures: Arc<Mutex<Vec<Failure>>>,
}

impl Open {
    /// For the host of an address, which must be this machine.
    pub fn new(to: &Url) -> Result<Self> {
        let host = to.host_str().context("an address without a host")?;
        ensure!(host == "127.0.0.1" || host == "localhost", "load is put on this machine only");
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(PATIENCE));
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            // What was never sent goes out on another connection, as with every client; what was sent is not repeated.
            .retry_canceled_requests(true)
            .build(connector);
        let (phases, failures) = (Arc::default(), Arc::default());
        Ok(Self { client, to: to.clone(), waiting: Arc::default(), phases, failures })
    }

    /// Begins a phase; what is due from now on belongs to it.
    pub fn begin(&self, name: &str) -> usize {
        let mut phases = lock(&self.phases);
        phases.push(Phase { name: name.to_owned(), ..Phase::default() });
        phases.len() - 1
    }

    /// Says how long a phase lasted.
    pub fn end(&self, phase: usize, elapsed: Duration) {
        if let Some(phase) = lock(&self.phases).get_mut(phase) {
            phase.elapsed = elapsed;
        }
    }

    /// Asks, and writes down what came of it. Gives the answer's body if it was a success.
    pub async fn ask(&self, phase: usize, due: Instant, request: Asked) -> Option<Bytes> {
        let (method, path) = (request.method().to_string(), request.uri().path().to_owned());
        let since = SystemClock.now() - due.elapsed();
        let answer = if self.waiting.fetch_add(1, Ordering::Relaxed) < WAITING {
            match timeout(PATIENCE, self.send(request)).await {
                Ok(Ok((status, body))) if status.is_success() => Ok(body),
                Ok(Ok((status, body))) => Err(format!("{status} {}", String::from_utf8_lossy(&body))),
                Ok(Err(error)) => Err(format!("{error:#}")),
                Err(_) => Err(format!("no answer within {} s", PATIENCE.as_secs())),
            }
        } else {
            Err(format!("{WAITING} requests wait already"))
        };
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        let took = due.elapsed();
        let name = self.note(phase, took, answer.is_err());
        match answer {
            Ok(body) => Some(body),
            Err(answer) => {
                let at = since.format(&Rfc3339).unwrap_or_default();
                let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
                let failure = Failure { phase: name, at, method, path, answer, millis };
                eprintln!("    FAILED in {}", show(&failure));
                lock(&self.failures).push(failure);
                None
            }
        }
    }

    async fn send(&self, mut request: Asked) -> Result<(StatusCode, Bytes)> {
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
        let address: Uri = self.to.join(path)?.as_str().parse()?;
        *request.uri_mut() = address;
        request.headers_mut().remove(HOST);
        let answer = self.client.request(request).await?;
        let status = answer.status();
        Ok((status, answer.into_body().collect().await?.to_bytes()))
    }

    fn note(&self, phase: usize, took: Duration, failed: bool) -> String {
        let mut phases = lock(&self.phases);
        let Some(phase) = phases.get_mut(phase) else { return String::new() };
        phase.micros.push(u32::try_from(took.as_micros()).unwrap_or(u32::MAX));
        phase.failures += u64::from(failed);
        phase.name.clone()
    }

    /// What came of every phase, once nothing is in flight any more, and everything that failed.
    pub fn book(&self) -> (Vec<Summary>, Vec<Failure>) {
        let phases = lock(&self.phases);
        (phases.iter().map(Phase::summary).collect(), lock(&self.failures).clone())
    }
}

impl Phase {
    fn summary(&self) -> Summary {
        let outcome = Outcome::of(self.micros.clone(), self.failures, self.elapsed);
        Summary {
            phase: self.name.clone(),
            millis: u64::try_from(self.elapsed.as_millis()).unwrap_or(u64::MAX),
            requests: outcome.count(),
            failed: self.failures,
            p50: outcome.percentile(50),
            p99: outcome.percentile(99),
            longest: outcome.percentile(100),
        }
    }
}

fn show(failure: &Failure) -> String {
    let Failure { phase, at, method, path, answer, millis } = failure;
    format!("{phase}, {at}: {method} {path} after {millis} ms: {answer}")
}

fn lock<T>(shared: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drive;
    use axum::{Router, routing::get};

    async fn serve() -> Url {
        let router = Router::new().route("/well", get(|| async { "well" }));
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let to = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        #[expect(clippy::disallowed_methods, reason = "it ends with the test")]
        tokio::spawn(async move { axum::serve(listener, router).await });
        to
    }

    #[tokio::test]
    async fn what_fails_is_told_with_its_phase() {
        let open = Open::new(&serve().await).unwrap();
        let quiet = open.begin("quiet");
        assert_eq!(open.ask(quiet, Instant::now(), drive::get("/well", "")).await.unwrap(), "well");
        let roll = open.begin("roll");
        assert!(open.ask(roll, Instant::now(), drive::get("/unwell", "")).await.is_none());
        let (phases, failures) = open.book();
        let counts: Vec<_> = phases.iter().map(|phase| (phase.requests, phase.failed)).collect();
        assert_eq!(counts, [(1, 0), (1, 1)]);
        assert_eq!((failures[0].phase.as_str(), failures[0].path.as_str()), ("roll", "/unwell"));
        assert!(failures[0].answer.starts_with("404"));
    }

    #[tokio::test]
    async fn times_count_from_when_a_request_was_due() {
        let open = Open::new(&serve().await).unwrap();
        let phase = open.begin("late");
        let due = Instant::now().checked_sub(Duration::from_secs(2)).unwrap();
        open.ask(phase, due, drive::get("/well", "")).await.unwrap();
        assert!(open.book().0[0].p50 >= 2_000_000);
    }

    #[test]
    fn other_machines_are_left_alone() {
        assert!(Open::new(&Url::parse("http://192.0.2.1/").unwrap()).is_err());
    }
}
