//! The simulated outside world as a process of the fleet, and its test with a client that nobody here wrote.

use std::path::PathBuf;
use std::process::ExitStatus;

use anyhow::{Context, Result};
use tokio::process::Command;

use crate::cargo;
use crate::home::Home;
use crate::ledger::Role;
use crate::plan::{Plan, TERMINAL};
use crate::service::SANDBOX;
use crate::stores::DOCUMENT_SYSTEM;
use crate::supervisor::Launch;

/// The client's test, relative to the repository.
const CLIENT_TEST: &str = "tests/sandbox/client/test_tbank.py";

/// What it listens for: people and the bank's clients, mails, traces, and those who mean the S3 server behind it.
pub(crate) const DOORS: [&str; 4] = ["http", "smtp", "otlp", "s3"];

/// How to start the sandbox.
pub(crate) fn launch(plan: &Plan, program: PathBuf) -> Result<Launch> {
    let [http, smtp, otlp, s3] = DOORS.map(|door| plan.port(&format!("{SANDBOX}.{door}")));
    let (http, smtp, otlp, s3) = (http?, smtp?, otlp?, s3?);
    let env = [
        ("SANDBOX_HTTP_LISTEN", format!("127.0.0.1:{http}")),
        ("SANDBOX_SMTP_LISTEN", format!("127.0.0.1:{smtp}")),
        ("SANDBOX_OTLP_LISTEN", format!("127.0.0.1:{otlp}")),
        ("SANDBOX_S3_LISTEN", format!("127.0.0.1:{s3}")),
        ("SANDBOX_S3_UPSTREAM", plan.stores.seaweedfs.url()),
        ("SANDBOX_AMQP_URL", plan.stores.rabbitmq.url(DOCUMENT_SYSTEM)),
        ("SANDBOX_TERMINAL", TERMINAL.to_owned()),
        ("SANDBOX_PASSWORD", plan.secret("tbank")?.to_owned()),
    ];
    let launch = Launch::new(SANDBOX, Role::Sandbox, program, plan.home.dir()).with_env(env);
    Ok(Launch { ports: vec![http, smtp, otlp, s3], ..launch })
}

/// Whether it listens.
pub(crate) async fn answers(port: u16) -> bool {
    tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok()
}

/// Runs the client's test with this Python and tells how it ended. It starts the sandbox itself.
pub(crate) async fn run_client(home: &Home, mut python: Command) -> Result<ExitStatus> {
    let programs = cargo::build(home, &[SANDBOX], false).await?;
    let program = programs.get(SANDBOX).context("the sandbox was not built")?;
    Ok(python.args(["-m", "unittest", "-v", CLIENT_TEST]).env("SANDBOX_PROGRAM", program).status().await?)
}
