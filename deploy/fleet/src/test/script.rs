//! Suites that are Python programs: `tests/<name>/run.py`, with what they need from PyPI and from Debian.

use std::process::Stdio;

use anyhow::Result;
use tokio::process::Command;

use super::{Outcome, start_stores, undisturbed};
use crate::cargo;
use crate::home::Home;
use crate::interrupt::Interrupt;
use crate::package::{self, Package};
use crate::process::show_status;
use crate::supervisor::Supervisor;
use crate::up::{self, Options};

/// What a program says by its exit status when something that it needs cannot be had on this machine: automake's "skipped". Why
/// stands in its output.
const CANNOT_RUN: i32 = 77;

/// Whether a suite works on stores alone or on a running fleet, which `LYCEUM_STORES` and `LYCEUM_FLEET` name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fleet {
    None,
    Stores,
    Text,
    /// As in Kubernetes.
    Json,
}

/// Runs a suite in a folder of its own: `tests/<name>/run.py`. What all need from PyPI stands in `tests/pyproject.toml`.
pub(super) async fn run(
    home: &Home,
    name: &str,
    packages: &[Package],
    fleet: Fleet,
    supervisor: &mut Supervisor,
    interrupt: &Interrupt,
) -> Result<Outcome> {
    if let Err(error) = package::install(home, packages.iter()).await {
        return Ok(Outcome::CannotRun(format!("{error:#}")));
    }
    let mut command = python(home);
    command.arg(home.root().join("tests").join(name).join("run.py"));
    command.env("LYCEUM_TOOLS", home.root().join(".fleet/tools"));
    let options = Options { json: fleet == Fleet::Json, ..Options::default() };
    match fleet {
        Fleet::None => return Ok(outcome(command.status().await?)),
        Fleet::Stores => start_stores(home, supervisor).await?,
        Fleet::Text | Fleet::Json => drop(up::start(home, options, supervisor, interrupt).await?),
    }
    println!();
    command.env("LYCEUM_FLEET", home.path("fleet.json")).env("LYCEUM_STORES", home.path("stores.json"));
    undisturbed(supervisor, command).await
}

pub(super) fn outcome(status: std::process::ExitStatus) -> Outcome {
    match status.code() {
        Some(0) => Outcome::Passed,
        Some(CANNOT_RUN) => Outcome::CannotRun("something that it needs is missing, as it says above".to_owned()),
        _ => Outcome::Failed(show_status(status)),
    }
}

/// The one Python of all suites, which its script makes if it is not there; it ends with `CANNOT_RUN` when it cannot.
pub(crate) fn python(home: &Home) -> Command {
    let mut command = Command::new(home.root().join(".ci/python"));
    cargo::forget_this_package(&mut command);
    command.current_dir(home.root()).stdin(Stdio::null()).kill_on_drop(true);
    command
}
