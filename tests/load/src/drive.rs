//! Puts load on an address and times every answer. Bounded in connections and in time; aims at this machine only.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, task::JoinSet};
use url::Url;

use crate::{process::CpuWatch, report::Row};

/// What is sent.
pub type Asked = Request<Full<Bytes>>;

/// How a closed loop is driven: each connection asks again as soon as it is answered.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// How many connections.
    pub connections: usize,
    /// How long it is driven before anything counts.
    pub warm_up: Duration,
    /// How long it counts.
    pub duration: Duration,
}

impl Default for Load {
    fn default() -> Self {
        Self { connections: 16, warm_up: Duration::from_secs(2), duration: Duration::from_secs(8) }
    }
}

/// What came of it.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// Microseconds of each answer that counts, in order of size.
    micros: Vec<u32>,
    /// Answers that were no success.
    pub failures: u64,
    elapsed: Duration,
}

impl Outcome {
    /// From times that were taken elsewhere.
    pub fn of(mut micros: Vec<u32>, failures: u64, elapsed: Duration) -> Self {
        micros.sort_unstable();
        Self { micros, failures, elapsed }
    }

    /// Answers that count.
    pub fn count(&self) -> u64 {
        self.micros.len() as u64
    }

    /// Answers a second.
    pub fn per_second(&self) -> u64 {
        let millis = u64::try_from(self.elapsed.as_millis()).unwrap_or(u64::MAX).max(1);
        self.count() * 1000 / millis
    }

    /// The time within which so many of a hundred were answered, in microseconds.
    pub fn percentile(&self, percent: usize) -> u64 {
        let last = self.micros.len().saturating_sub(1);
        self.micros.get((self.micros.len() * percent / 100).min(last)).copied().unwrap_or(0).into()
    }

    /// As a row of a report.
    pub fn row(&self, what: impl Into<String>) -> Row {
        let row = Row::new(what).with("rate", self.per_second(), "1/s");
        let row = row.with("p50", self.percentile(50), "µs").with("p99", self.percentile(99), "µs");
        if self.failures > 0 { row.with("FAILED", self.failures, "") } else { row }
    }

    /// The same with the CPU time of each request by process.
    pub fn row_with_cpu(&self, what: impl Into<String>, cpu: &[(String, u64)]) -> Row {
        cpu.iter().fold(self.row(what), |row, (name, micros)| row.with(cpu_name(name), *micros, "µs"))
    }
}

/// Figures have fixed names.
fn cpu_name(process: &str) -> &'static str {
    match process {
        "gateway" => "gateway CPU",
        "users" => "users CPU",
        "courses" => "courses CPU",
        "payments" => "payments CPU",
        "analytics" => "analytics CPU",
        "notifications" => "notifications CPU",
        "documents" => "documents CPU",
        _ => "CPU",
    }
}

/// One connection.
pub struct Connection {
    sender: SendRequest<Full<Bytes>>,
    host: String,
}

impl Connection {
    /// Connects to the host of an address.
    pub async fn open(to: &Url, tasks: &mut JoinSet<()>) -> Result<Self> {
        let host = to.host_str().context("an address without a host")?;
        ensure!(host == "127.0.0.1" || host == "localhost", "load is put on this machine only");
        let port = to.port_or_known_default().context("an address without a port")?;
        let stream = TcpStream::connect((host, port)).await.with_context(|| format!("cannot reach {to}"))?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tasks.spawn(async move {
            // A connection that breaks shows as requests that fail.
            let _ = connection.await;
        });
        Ok(Self { sender, host: format!("{host}:{port}") })
    }

    /// Asks and reads the answer to its end.
    pub async fn ask(&mut self, mut request: Asked) -> Result<(StatusCode, Bytes)> {
        request.headers_mut().insert(header::HOST, self.host.parse()?);
        self.sender.ready().await?;
        let answer = self.sender.send_request(request).await?;
        let status = answer.status();
        Ok((status, answer.into_body().collect().await?.to_bytes()))
    }
}

/// A GET, as somebody with this token unless it is empty.
pub fn get(path: &str, token: &str) -> Asked {
    request(http::Method::GET, path, token, Bytes::new())
}

/// A POST of JSON, as somebody with this token unless it is empty.
pub fn post(path: &str, token: &str, body: impl Into<Bytes>) -> Asked {
    request(http::Method::POST, path, token, body.into())
}

fn request(method: http::Method, path: &str, token: &str, body: Bytes) -> Asked {
    let mut request = Request::new(Full::new(body));
    *request.method_mut() = method.clone();
    *request.uri_mut() = path.parse().unwrap_or_default();
    let headers = request.headers_mut();
    if let Ok(value) = format!("Bearer {token}").parse()
        && !token.is_empty()
    {
        headers.insert(header::AUTHORIZATION, value);
    }
    if method != http::Method::GET {
        headers.insert(header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    }
    request
}

/// Drives a closed loop; `ask` makes the request of a number. Fails if nothing succeeded at all.
pub async fn closed<F>(to: &Url, load: Load, ask: F) -> Result<Outcome>
where
    F: Fn(u64) -> Asked + Send + Sync + 'static,
{
    let (ask, number) = (Arc::new(ask), Arc::new(AtomicU64::new(0)));
    let mut connections = JoinSet::new();
    let mut workers = JoinSet::new();
    let begin = Instant::now() + load.warm_up;
    let end = begin + load.duration;
    for _ in 0..load.connections {
        let mut connection = Connection::open(to, &mut connections).await?;
        let (ask, number) = (Arc::clone(&ask), Arc::clone(&number));
        workers.spawn(async move {
            let (mut micros, mut failures, mut last) = (Vec::new(), 0, String::new());
            while Instant::now() < end {
                let request = ask(number.fetch_add(1, Ordering::Relaxed));
                let asked = Instant::now();
                let answer = connection.ask(request).await;
                let counts = asked >= begin;
                match answer {
                    Ok((status, _)) if status.is_success() && counts => {
                        micros.push(u32::try_from(asked.elapsed().as_micros()).unwrap_or(u32::MAX));
                    }
                    Ok((status, _)) if status.is_success() => {}
                    Ok((status, body)) => {
                        failures += 1;
                        last = format!("{status} {}", String::from_utf8_lossy(&body));
                    }
                    Err(error) => return (micros, failures + 1, format!("{error:#}")),
                }
            }
            (micros, failures, last)
        });
    }
    let (mut micros, mut failures, mut why) = (Vec::new(), 0, String::new());
    while let Some(worker) = workers.join_next().await {
        let (times, failed, last) = worker?;
        micros.extend(times);
        failures += failed;
        if failed > 0 {
            why = last;
        }
    }
    if micros.is_empty() {
        bail!("nothing was answered: {why}");
    }
    if failures > 0 {
        eprintln!("    {failures} requests failed, such as with: {why}");
    }
    Ok(Outcome::of(micros, failures, load.duration))
}

/// Drives a closed loop and counts the CPU time of some processes meanwhile, warm-up included on both sides of the division.
pub async fn closed_watched<F>(
    to: &Url,
    load: Load,
    processes: &[crate::process::Process],
    ask: F,
) -> Result<(Outcome, Vec<(String, u64)>)>
where
    F: Fn(u64) -> Asked + Send + Sync + 'static,
{
    let asked = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&asked);
    let watch = CpuWatch::start(processes)?;
    let outcome = closed(to, load, move |number| {
        counted.fetch_add(1, Ordering::Relaxed);
        ask(number)
    })
    .await?;
    let cpu = watch.per_request(asked.load(Ordering::Relaxed))?;
    Ok((outcome, cpu))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_sorted_times() {
        let outcome = Outcome::of((1..=200).rev().collect(), 0, Duration::from_secs(2));
        assert_eq!((outcome.per_second(), outcome.percentile(50), outcome.percentile(99)), (100, 101, 199));
        assert_eq!(Outcome::default().percentile(99), 0);
    }

    #[tokio::test]
    async fn other_machines_are_left_alone() {
        let to = Url::parse("http://192.0.2.1/").unwrap();
        assert!(Connection::open(&to, &mut JoinSet::new()).await.is_err());
    }
}
