//! How fast each service is ready after its start, and what it holds in memory when nobody asks anything.
//!
//! The start is that of one more replica beside the running one, with the same environment and stores.

use std::{
    fs,
    net::TcpListener,
    os::unix::ffi::OsStrExt,
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use tokio::{process::Command, task::JoinSet};
use url::Url;

use crate::{
    drive::{self, Connection},
    fleet::Fleet,
    process::Process,
    reference::Reference,
    report::{Report, Row, Target},
};

const SERVICES: [&str; 7] = ["gateway", "users", "courses", "payments", "notifications", "documents", "analytics"];

/// How long a replica may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// How many starts are tried; the middle one counts.
const STARTS: usize = 5;

pub(super) async fn run(fleet: &Fleet) -> Result<Report> {
    let mut rows = Vec::new();
    let (mut all, mut most, mut slowest) = (0, 0, 0);
    for name in SERVICES {
        let process = fleet.process(name)?;
        let (resident, own) = (process.resident_kb()?, process.anonymous_kb()?);
        let mut starts = Vec::new();
        for _ in 0..STARTS {
            starts.push(start_replica(&process).await?);
        }
        starts.sort_unstable();
        let ready = u64::try_from(starts[STARTS / 2].as_micros()).unwrap_or(u64::MAX);
        (all, most, slowest) = (all + resident, resident.max(most), ready.max(slowest));
        let row = Row::new(name).with("ready after", ready, "µs");
        rows.push(row.with("memory", resident, "kB").with("of its own", own, "kB"));
    }
    rows.push(Row::new("all services").with("memory", all, "kB"));
    let reference = Reference::start(fleet).await?;
    let started = u64::try_from(reference.started_in.as_micros()).unwrap_or(u64::MAX);
    let (resident, own) = (reference.process.resident_kb()?, reference.process.anonymous_kb()?);
    let row = Row::new("reference").with("ready after", started, "µs");
    rows.push(row.with("memory", resident, "kB").with("of its own", own, "kB"));
    let targets = vec![
        Target::new("all services together below 150 MB", all < 150 * 1024),
        Target::new("each below 25 MB", most < 25 * 1024),
        Target::new("each ready within 100 ms", slowest < 100_000),
    ];
    Ok(Report {
        scenario: "start",
        about: "start-up of one more replica, and idle memory of each running service".into(),
        rows,
        targets,
    })
}

/// Starts a replica on ports of its own, waits until it is ready, ends it.
async fn start_replica(of: &Process) -> Result<Duration> {
    let program = fs::read_link(format!("/proc/{}/exe", of.pid)).with_context(|| format!("{} is gone", of.name))?;
    let environment = fs::read(format!("/proc/{}/environ", of.pid))?;
    let mut command = Command::new(program);
    command.env_clear().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    for pair in environment.split(|byte| *byte == 0).filter(|pair| !pair.is_empty()) {
        let place = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len() - 1);
        let (name, value) = (&pair[..place], &pair[place + 1..]);
        command.env(std::ffi::OsStr::from_bytes(name), std::ffi::OsStr::from_bytes(value));
    }
    let admin = free_address()?;
    command.env("LYCEUM_ADMIN_LISTEN", &admin);
    command.env(if of.name == "gateway" { "LYCEUM_HTTP_LISTEN" } else { "LYCEUM_GRPC_LISTEN" }, free_address()?);
    let admin: Url = format!("http://{admin}/").parse()?;
    let begin = Instant::now();
    let mut child = command.spawn().with_context(|| format!("cannot start another {}", of.name))?;
    while !is_ready(&admin).await {
        if let Some(status) = child.try_wait()? {
            bail!("another {} ended at once: {status}", of.name);
        }
        if begin.elapsed() > PATIENCE {
            bail!("another {} is not ready after {PATIENCE:?}", of.name);
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let took = begin.elapsed();
    child.kill().await?;
    Ok(took)
}

async fn is_ready(admin: &Url) -> bool {
    let mut connections = JoinSet::new();
    let Ok(mut connection) = Connection::open(admin, &mut connections).await else { return false };
    connection.ask(drive::get("/readyz", "")).await.is_ok_and(|(status, _)| status.is_success())
}

fn free_address() -> Result<String> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string())
}
