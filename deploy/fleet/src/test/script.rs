//! Suites that are Python programs: `tests/<name>/run.py`, with what they need from PyPI and from Debian.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::Result;
use tokio::process::Command;

use super::{Outcome, run_to_end, undisturbed};
use crate::cargo;
use crate::home::Home;
use crate::interrupt::Interrupt;
use crate::package::{self, Package};
use crate::supervisor::{Supervisor, show_status};
use crate::up::{self, Options};

/// What a program says by its exit status when something that it needs cannot be had on this machine: automake's "skipped". Why
/// stands in its output.
const CANNOT_RUN: i32 = 77;

/// A suite in a folder of its own: `tests/<name>/run.py`, and beside it a `requirements.txt` that pins every package.
#[derive(Debug)]
pub(super) struct Script {
    pub(super) name: &'static str,
    /// What it needs from Debian.
    pub(super) packages: &'static [Package],
    pub(super) fleet: Fleet,
}

/// Whether a suite works on a running fleet, which it finds by `LYCEUM_FLEET`, and how that one logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fleet {
    None,
    Text,
    /// As in Kubernetes.
    Json,
}

impl Script {
    /// Runs it with a Python of its own.
    pub(super) async fn run(&self, home: &Home, supervisor: &mut Supervisor, interrupt: &Interrupt) -> Result<Outcome> {
        let folder = home.root().join("tests").join(self.name);
        if let Err(error) = package::install(home, self.packages.iter()).await {
            return Ok(Outcome::CannotRun(format!("{error:#}")));
        }
        let python = match python(home, self.name, &folder.join("requirements.txt")).await {
            Ok(python) => python,
            Err(missing) => return Ok(missing),
        };
        let mut command = Command::new(python);
        command.arg(folder.join("run.py")).current_dir(home.root()).stdin(Stdio::null()).kill_on_drop(true);
        cargo::forget_this_package(&mut command);
        command.env("LYCEUM_TOOLS", home.root().join(".fleet/tools"));
        if self.fleet == Fleet::None {
            return Ok(outcome(command.status().await?));
        }
        let options = Options { json: self.fleet == Fleet::Json, ..Options::default() };
        up::start(home, options, supervisor, interrupt).await?;
        println!();
        command.env("LYCEUM_FLEET", home.path("fleet.json")).env("LYCEUM_STORES", home.path("stores.json"));
        let mut result = Outcome::Passed;
        undisturbed(supervisor, async {
            result = outcome(command.status().await?);
            Ok(())
        })
        .await?;
        Ok(result)
    }
}

pub(super) fn outcome(status: std::process::ExitStatus) -> Outcome {
    match status.code() {
        Some(0) => Outcome::Passed,
        Some(CANNOT_RUN) => Outcome::CannotRun("something that it needs is missing, as it says above".to_owned()),
        _ => Outcome::Failed(show_status(status)),
    }
}

/// A Python with these packages from PyPI, or what is missing. Each suite has its own, because their packages pin each other's.
pub(super) async fn python(home: &Home, name: &str, requirements: &Path) -> std::result::Result<PathBuf, Outcome> {
    if package::find_program("python3").is_none() {
        return Err(Outcome::CannotRun("it needs python3".to_owned()));
    }
    // Not in the folder that each run empties, so that a second run asks nobody.
    let environment = home.root().join(".fleet/python").join(name);
    if !environment.join("bin/pip").exists() {
        let mut create = Command::new("python3");
        create.args(["-m", "venv", "--clear"]).arg(&environment);
        run_to_end(create).await.map_err(|error| {
            let why = format!("python3 cannot make a virtual environment (Debian: python3-venv): {error}");
            Outcome::CannotRun(why)
        })?;
    }
    let mut install = Command::new(environment.join("bin/pip"));
    install.args(["install", "--quiet", "--disable-pip-version-check", "--requirement"]).arg(requirements);
    run_to_end(install).await.map_err(|error| {
        let requirements = requirements.display();
        Outcome::CannotRun(format!("the packages of {requirements} could not be installed from PyPI: {error}"))
    })?;
    Ok(environment.join("bin/python"))
}
