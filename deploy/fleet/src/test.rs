//! `cargo fleet test`: everything that the README promises, suite by suite, on stores of its own.

mod script;

use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tokio::process::Command;

use self::script::{Script, python};
use crate::cargo::{self, cargo};
use crate::home::{Home, State};
use crate::interrupt::{Interrupt, Interrupted};
use crate::package;
use crate::progress::{Table, show};
use crate::sandbox;
use crate::stores;
use crate::supervisor::Supervisor;
use crate::tidy;
use crate::up::{self, Options};

/// The package that kills and counts.
const CHAOS: &str = "chaos";
/// Generated requests for everything in the OpenAPI document.
const FUZZ: Script = Script { name: "fuzz", packages: &[], fleet: true };

/// A part of the tests that can be asked for by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Suite {
    /// Sizes and rooms of the sources, words that have no place in them, one TLS provider.
    Tidy,
    /// Every crate by itself, on real stores: `cargo test --workspace`.
    Crates,
    /// The sandbox, used by a client of the real bank that nobody here wrote.
    SandboxClient,
    /// Through the public door of a fresh fleet.
    Journeys,
    /// Generated requests for everything in the OpenAPI document, as each role: no 5xx, nothing that is not documented.
    Fuzz,
    /// Processes, stores and connections die under load, and then everything is counted: a pairwise selection.
    Chaos,
    /// Back up, damage, destroy, restore to a moment, and count.
    Drill,
}

impl Suite {
    const ALL: [Self; 7] = [Self::Tidy, Self::Crates, Self::SandboxClient, Self::Journeys, Self::Chaos, Self::Fuzz, Self::Drill];

    fn name(self) -> &'static str {
        match self {
            Self::Tidy => "tidy",
            Self::Crates => "crates",
            Self::SandboxClient => "sandbox-client",
            Self::Journeys => "journeys",
            Self::Fuzz => "fuzz",
            Self::Chaos => "chaos",
            Self::Drill => "drill",
        }
    }
}

/// How a suite came out.
#[derive(Debug)]
enum Outcome {
    Passed,
    Failed(String),
    /// Something that it needs is missing on this machine. Under CI that is a failure.
    CannotRun(String),
}

/// Runs the suites, all if none is named, and fails if one of them does.
pub(crate) async fn run(home: &Home, suites: &[Suite], interrupt: &Interrupt) -> Result<()> {
    let suites = if suites.is_empty() { &Suite::ALL[..] } else { suites };
    let home = home.for_tests();
    let lock = begin_anew(&home).await?;
    let mut supervisor = Supervisor::new(&home);
    let tested = interrupt.guard(run_all(&home, suites, &mut supervisor, interrupt)).await;
    up::stop(&home, &mut supervisor, interrupt).await?;
    drop(lock);
    conclude(&tested?)
}

/// Stops what a killed run left behind and removes its state: tests begin with empty stores.
pub(crate) async fn begin_anew(home: &Home) -> Result<std::fs::File> {
    let lock = home.lock()?;
    Supervisor::new(home).stop_all().await?;
    drop(lock);
    home.remove()?;
    home.lock()
}

/// A suite, what came out, and how long it took.
type Result1 = (Suite, Outcome, Duration);

async fn run_all(
    home: &Home,
    suites: &[Suite],
    supervisor: &mut Supervisor,
    interrupt: &Interrupt,
) -> Result<Vec<Result1>> {
    let mut results = Vec::new();
    for suite in suites {
        println!("\n── {} {}\n", suite.name(), "─".repeat(60 - suite.name().len()));
        let started = Instant::now();
        let outcome = match run_one(home, *suite, supervisor, interrupt).await {
            Ok(outcome) => outcome,
            Err(error) if error.is::<Interrupted>() => return Err(error),
            Err(error) => Outcome::Failed(format!("{error:#}")),
        };
        if let Outcome::Failed(why) | Outcome::CannotRun(why) = &outcome {
            println!("\n{}: {why}", suite.name());
        }
        results.push((*suite, outcome, started.elapsed()));
    }
    Ok(results)
}

async fn run_one(home: &Home, suite: Suite, supervisor: &mut Supervisor, interrupt: &Interrupt) -> Result<Outcome> {
    match suite {
        Suite::Tidy => tidy::run(home).await?,
        Suite::Crates => {
            start_stores(home, supervisor).await?;
            let tests = test(home, &["--workspace", "--exclude", "journeys", "--no-fail-fast"], &[]);
            undisturbed(supervisor, tests).await?;
        }
        Suite::SandboxClient => return sandbox_client(home).await,
        Suite::Journeys => {
            let plan = up::start(home, Options::default(), supervisor, interrupt).await?;
            let fleet = [("LYCEUM_FLEET", home.path("fleet.json"))];
            println!("\n    the fleet's door: {}\n", plan.public_url()?);
            let tests = test(home, &["--package", "journeys", "--no-fail-fast"], &fleet);
            undisturbed(supervisor, tests).await?;
        }
        Suite::Fuzz => return FUZZ.run(home, supervisor, interrupt).await,
        Suite::Drill => return Ok(script::outcome(crate::drill::run(home, interrupt).await?)),
        Suite::Chaos => storm(home, &[], supervisor, interrupt).await?,
    }
    Ok(Outcome::Passed)
}

/// `cargo fleet chaos`: the whole matrix.
pub(crate) async fn chaos(home: &Home, arguments: &[String], interrupt: &Interrupt) -> Result<()> {
    let home = home.for_chaos();
    let lock = begin_anew(&home).await?;
    let mut supervisor = Supervisor::new(&home);
    let arguments = [&["--matrix".to_owned()], arguments].concat();
    let weathered = interrupt.guard(storm(&home, &arguments, &mut supervisor, interrupt)).await;
    up::stop(&home, &mut supervisor, interrupt).await?;
    drop(lock);
    weathered
}

/// Starts the fleet, has it killed again and again, and starts again what ends meanwhile.
async fn storm(home: &Home, arguments: &[String], supervisor: &mut Supervisor, interrupt: &Interrupt) -> Result<()> {
    let programs = cargo::build(home, &[CHAOS], false).await?;
    let program = programs.get(CHAOS).context("the chaos was not built")?;
    up::start(home, Options::default(), supervisor, interrupt).await?;
    println!();
    let mut command = Command::new(program);
    command.args(arguments).env("LYCEUM_FLEET", home.path("fleet.json")).env("LYCEUM_STORES", home.path("stores.json"));
    tended(supervisor, run_to_end(command)).await.context("the fleet did not weather it")
}

async fn start_stores(home: &Home, supervisor: &mut Supervisor) -> Result<()> {
    package::install_missing(home).await?;
    let mut state = State::load(home)?;
    stores::start(home, &mut state, supervisor).await?;
    println!();
    Ok(())
}

/// Starts again what ends meanwhile, so that the tests go on and tell more, and fails if anything did.
async fn undisturbed(supervisor: &mut Supervisor, tests: impl Future<Output = Result<()>>) -> Result<()> {
    let before = supervisor.restarts();
    tended(supervisor, tests).await?;
    let restarts = supervisor.restarts();
    let ended: Vec<&str> = restarts
        .iter()
        .filter(|(name, count)| before.get(*name) != Some(count))
        .map(|(name, _)| name.as_str())
        .collect();
    if !ended.is_empty() {
        bail!("during the tests {} ended and had to be started again", ended.join(", "));
    }
    Ok(())
}

/// Starts again what ends while the work goes on.
async fn tended<T>(supervisor: &mut Supervisor, work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::select! {
        result = work => result,
        broken = supervisor.tend() => broken.map(|never| match never {}),
    }
}

/// Runs cargo's tests, whose output and summaries go to the terminal as they are.
async fn test(home: &Home, arguments: &[&str], variables: &[(&str, PathBuf)]) -> Result<()> {
    let mut command = cargo(home);
    command.arg("test").args(arguments).env("LYCEUM_STORES", home.path("stores.json"));
    command.envs(variables.iter().map(|(name, value)| (name, value)));
    run_to_end(command).await.with_context(|| format!("`cargo test {}` failed", arguments.join(" ")))
}

async fn run_to_end(mut command: Command) -> Result<()> {
    let status = command.stdin(Stdio::null()).kill_on_drop(true).status().await?;
    if !status.success() {
        bail!("{}", crate::supervisor::show_status(status));
    }
    Ok(())
}

/// Plays a client from PyPI against the sandbox.
async fn sandbox_client(home: &Home) -> Result<Outcome> {
    match python(home, "sandbox-client", &home.root().join(sandbox::CLIENT_REQUIREMENTS)).await {
        Ok(python) => sandbox::run_client(home, &python).await.map(|()| Outcome::Passed),
        Err(missing) => Ok(missing),
    }
}

/// Prints the table of suites. Under CI everything must have run.
fn conclude(results: &[Result1]) -> Result<()> {
    let in_ci = std::env::var("CI").is_ok_and(|value| value == "true");
    let mut table = Table::new(&["SUITE", "RESULT", "TIME"]);
    let mut bad = Vec::new();
    for (suite, outcome, duration) in results {
        let (text, is_bad) = match outcome {
            Outcome::Passed => ("passed", false),
            Outcome::Failed(_) => ("FAILED", true),
            Outcome::CannotRun(_) => ("could not run", in_ci),
        };
        table.row([suite.name().to_owned(), text.to_owned(), show(*duration)]);
        if is_bad {
            bad.push(suite.name());
        }
    }
    print!("\n{}", table.render());
    if !bad.is_empty() {
        bail!("failed: {}", bad.join(", "));
    }
    Ok(())
}
