//! `cargo fleet bench`: a fleet of optimised programs with stores of its own, and the load that is put on it.

use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context, Result};
use tokio::process::Command;

use crate::cargo;
use crate::home::{Home, Other};
use crate::interrupt::Interrupt;
use crate::process::{run_well, this_program};
use crate::supervisor::Supervisor;
use crate::test;
use crate::up::{self, Options};

/// The package whose program drives the load.
const LOAD: &str = "load";

/// Runs scenarios, all if none is named, and shows their figures.
pub(crate) async fn run(home: &Home, scenarios: &[String], json: bool, interrupt: &Interrupt) -> Result<()> {
    if json {
        return run_for_programs(home, scenarios).await;
    }
    let home = home.other(Other::Bench);
    test::alone(&home, interrupt, async |supervisor| measure(&home, scenarios, supervisor, interrupt).await).await
}

async fn measure(home: &Home, scenarios: &[String], supervisor: &mut Supervisor, interrupt: &Interrupt) -> Result<()> {
    // Built first, so that nothing is compiled while the fleet idles.
    let mut build = cargo::cargo(home);
    build.args(["build", "--release", "--bin", LOAD]);
    let programs = cargo::build_with(build, &[LOAD]).await?;
    let program = programs.get(LOAD).context("the load was not built")?;
    up::start(home, Options { release: true, ..Options::default() }, supervisor, interrupt).await?;
    let mut command = Command::new(program);
    command.arg("run").args(scenarios).arg("--report").arg(report(home)).env("LYCEUM_FLEET", home.path("fleet.json"));
    run_well(command).await.context("the load failed")
}

/// The same with everything that people read on standard error, and one JSON document on standard output.
async fn run_for_programs(home: &Home, scenarios: &[String]) -> Result<()> {
    let mut again = Command::new(this_program()?);
    again.arg("bench").args(scenarios).stdout(Stdio::from(std::io::stderr()));
    run_well(again).await.context("the bench failed")?;
    let report = report(&home.other(Other::Bench));
    print!("{}", std::fs::read_to_string(&report).with_context(|| format!("cannot read {}", report.display()))?);
    Ok(())
}

fn report(home: &Home) -> PathBuf {
    home.path("report.json")
}
