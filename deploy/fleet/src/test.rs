//! `cargo fleet test`: everything that the README promises, suite by suite, on stores of its own.

mod cluster;
mod script;

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use tokio::process::Command;

pub(crate) use self::cluster::Options as ClusterOptions;
use self::script::Fleet;
pub(crate) use self::script::python;
use crate::cargo::{self, cargo};
use crate::home::{Home, Other, State};
use crate::interrupt::{Interrupt, Interrupted};
use crate::package::{self, Package};
use crate::process::{self, run_well};
use crate::progress::{Table, show};
use crate::sandbox;
use crate::stores;
use crate::supervisor::Supervisor;
use crate::up::{self, Options};

/// What makes, starts, keeps and sends images.
const CONTAINERS: [Package; 6] = [
    Package("buildah", "buildah", "buildah"),
    Package("mmdebstrap", "mmdebstrap", "mmdebstrap"),
    Package("runc", "runc", "runc"),
    Package("a registry", "docker-registry", "docker-registry"),
    Package("skopeo", "skopeo", "skopeo"),
    Package("rsync", "rsync", "rsync"),
];

/// The package that kills and counts.
const CHAOS: &str = "chaos";
/// A part of the tests that can be asked for by name. In the order in which they run, but for those with fleets of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Suite {
    /// Sizes and rooms of the sources, words that have no place in them, the figures of the whole.
    Tidy,
    /// Every crate by itself, on real stores: `cargo test --workspace`.
    Crates,
    /// The libs that speak to stores once more, on the newest ones that are supported.
    Newest,
    /// The libs and services that work in transactions once more, behind a PgBouncer that gives nobody a session.
    Pooler,
    /// The sandbox, used by a client of the real bank that nobody here wrote.
    SandboxClient,
    /// A school from a clone that makes everything difficult: closed to others, an odd path, no IPv6, ports that are taken.
    Clone,
    /// Through the public door of a fresh fleet.
    Journeys,
    /// Processes, stores and connections die under load, and then everything is counted: a pairwise selection.
    Chaos,
    /// Generated requests for everything in the OpenAPI document, as each role: no 5xx, nothing that is not documented.
    Fuzz,
    /// The chart as it is rendered: schemas, policies, who may reach whom, and whether the services accept what they are told.
    Chart,
    /// The Compose file, read as Docker reads it, and whether the services accept what they are told.
    Compose,
    /// Programs in Python by themselves: those of `deploy/backup`, and the bounds of the fuzz.
    Python,
    /// Back up, damage, destroy, restore to a moment, and count.
    Drill,
    /// Every panel and every alert against a Prometheus that scrapes a fleet during a journey; promtool, amtool, runbooks.
    Observability,
    /// Log lines of every service by the collector into an Elasticsearch that refuses what it does not know; which traces are kept.
    Logging,
    /// Terraform's modules against the providers' schemas, their tests, their values in the chart, the state's lock.
    Terraform,
    /// GitLab's pipeline, some of its jobs, and migrations that must not lock or break.
    Pipeline,
    /// Images: what is in them, how they start, what a registry gets. Only by name, because everything is compiled optimised.
    Images,
    /// The chart on a cluster of yours: install, scale, roll, upgrade and go back under load. Only by name.
    Cluster,
}

impl Suite {
    fn all() -> impl Iterator<Item = Self> {
        Self::value_variants().iter().copied().filter(|suite| !matches!(suite, Self::Images | Self::Cluster))
    }

    fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    /// On which fleet it works; all of one fleet run after each other.
    fn fleet(self) -> Other {
        match self {
            Self::Newest | Self::Pooler => Other::Newest,
            Self::Chaos => Other::Chaos,
            Self::Cluster => Other::Cluster,
            _ => Other::Test,
        }
    }

    /// What it needs from Debian, and from a fleet, if it is a Python program.
    fn script(self) -> Option<(&'static [Package], Fleet)> {
        Some(match self {
            Self::Fuzz => (&[], Fleet::Text),
            Self::Chart => (&[Package("Squid", "squid", "squid")], Fleet::None),
            Self::Observability => (
                &[
                    Package("Prometheus", "prometheus", "promtool"),
                    Package("Alertmanager", "prometheus-alertmanager", "amtool"),
                    Package("PostgreSQL's exporter", "prometheus-postgres-exporter", "prometheus-postgres-exporter"),
                    Package("Redis' exporter", "prometheus-redis-exporter", "prometheus-redis-exporter"),
                ],
                Fleet::Text,
            ),
            Self::Logging => (
                &[
                    Package("Maven", "maven", "mvn"),
                    Package("Java", "openjdk-17-jre-headless", "java"),
                    Package("Ruby", "ruby", "ruby"),
                ],
                Fleet::Json,
            ),
            Self::Clone => (&[Package("iproute2", "iproute2", "ip")], Fleet::None),
            Self::Compose | Self::Terraform => (&[], Fleet::None),
            Self::Pooler => (&[], Fleet::Stores),
            Self::Images | Self::Pipeline => (&CONTAINERS, Fleet::None),
            _ => return None,
        })
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
pub(crate) async fn run(home: &Home, suites: &[Suite], cluster: &ClusterOptions, interrupt: &Interrupt) -> Result<()> {
    let all: Vec<Suite> = Suite::all().collect();
    let suites = if suites.is_empty() { &all[..] } else { suites };
    let mut results = Vec::new();
    for which in [Other::Test, Other::Newest, Other::Chaos, Other::Cluster] {
        let suites: Vec<Suite> = suites.iter().copied().filter(|suite| suite.fleet() == which).collect();
        if !suites.is_empty() {
            let home = home.other(which);
            let run = async |supervisor: &mut Supervisor| run_all(&home, &suites, cluster, supervisor, interrupt).await;
            results.extend(alone(&home, interrupt, run).await?);
        }
    }
    conclude(&results)
}

/// Does the work on a fleet that begins empty and that nobody else may use meanwhile; stops what was started for it.
pub(crate) async fn alone<T>(
    home: &Home,
    interrupt: &Interrupt,
    work: impl AsyncFnOnce(&mut Supervisor) -> Result<T>,
) -> Result<T> {
    let _lock = begin_anew(home).await?;
    let mut supervisor = Supervisor::new(home);
    let result = interrupt.guard(work(&mut supervisor)).await;
    up::stop(home, &mut supervisor, interrupt).await?;
    result
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
    cluster: &ClusterOptions,
    supervisor: &mut Supervisor,
    interrupt: &Interrupt,
) -> Result<Vec<Result1>> {
    let mut results = Vec::new();
    for suite in suites {
        println!("\n── {} {}\n", suite.name(), "─".repeat(60 - suite.name().len()));
        let started = Instant::now();
        let outcome = match run_one(home, *suite, cluster, supervisor, interrupt).await {
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

async fn run_one(
    home: &Home,
    suite: Suite,
    cluster: &ClusterOptions,
    supervisor: &mut Supervisor,
    interrupt: &Interrupt,
) -> Result<Outcome> {
    if let Some((packages, fleet)) = suite.script() {
        return script::run(home, &suite.name(), packages, fleet, supervisor, interrupt).await;
    }
    match suite {
        Suite::Tidy => {
            let mut command = cargo(home);
            command.args(["run", "--quiet", "--bin", "tidy"]);
            run_well(command).await?;
        }
        Suite::Crates => {
            start_stores(home, supervisor).await?;
            return test(home, &["--filterset", "not package(journeys)"], supervisor).await;
        }
        Suite::Newest => {
            start_stores(home, supervisor).await?;
            let libs = ["bus", "cache", "pg", "service", "testkit"].map(|lib| format!("package({lib})")).join(" | ");
            return test(home, &["--filterset", &libs], supervisor).await;
        }
        Suite::Python => {
            // Which folders stands in `tests/pyproject.toml`.
            let mut command = python(home);
            command.args(["-m", "pytest"]).current_dir(home.root().join("tests"));
            return Ok(script::outcome(process::run(command).await?));
        }
        Suite::SandboxClient => return Ok(script::outcome(sandbox::run_client(home, python(home)).await?)),
        Suite::Journeys => {
            let plan = up::start(home, Options::default(), supervisor, interrupt).await?;
            println!("\n    the fleet's door: {}\n", plan.public_url()?);
            return test(home, &["--test", "journeys"], supervisor).await;
        }
        Suite::Cluster => return cluster::run(home, cluster, supervisor, interrupt).await,
        Suite::Drill => return Ok(script::outcome(crate::drill::run(home, interrupt).await?)),
        Suite::Chaos => storm(home, &[], supervisor, interrupt).await?,
        _ => bail!("nobody knows how to run {}", suite.name()),
    }
    Ok(Outcome::Passed)
}

/// `cargo fleet chaos`: the whole matrix.
pub(crate) async fn chaos(home: &Home, arguments: &[String], interrupt: &Interrupt) -> Result<()> {
    let home = home.other(Other::Chaos);
    let arguments = [&["--matrix".to_owned()], arguments].concat();
    alone(&home, interrupt, async |supervisor| storm(&home, &arguments, supervisor, interrupt).await).await
}

/// Starts the fleet, has it killed again and again, and starts again what ends meanwhile.
async fn storm(home: &Home, arguments: &[String], supervisor: &mut Supervisor, interrupt: &Interrupt) -> Result<()> {
    let programs = cargo::build(home, &[CHAOS], false).await?;
    let program = programs.get(CHAOS).context("the chaos was not built")?;
    up::start(home, Options::default(), supervisor, interrupt).await?;
    println!();
    let mut command = Command::new(program);
    command.args(arguments).env("LYCEUM_FLEET", home.path("fleet.json")).env("LYCEUM_STORES", home.path("stores.json"));
    tended(supervisor, run_well(command)).await.context("the fleet did not weather it")
}

async fn start_stores(home: &Home, supervisor: &mut Supervisor) -> Result<()> {
    package::install_missing(home).await?;
    let mut state = State::load(home)?;
    stores::start(home, &mut state, supervisor).await?;
    println!();
    Ok(())
}

/// Starts again what ends meanwhile, so that the tests go on and tell more, and fails if anything did.
async fn undisturbed(supervisor: &mut Supervisor, tests: Command) -> Result<Outcome> {
    let before = supervisor.restarts();
    let status = tended(supervisor, process::run(tests)).await?;
    let restarts = supervisor.restarts();
    let ended: Vec<&str> = restarts
        .iter()
        .filter(|(name, count)| before.get(*name) != Some(count))
        .map(|(name, _)| name.as_str())
        .collect();
    if !ended.is_empty() {
        bail!("during the tests {} ended and had to be started again", ended.join(", "));
    }
    Ok(script::outcome(status))
}

/// Starts again what ends while the work goes on.
async fn tended<T>(supervisor: &mut Supervisor, work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::select! {
        result = work => result,
        broken = supervisor.tend() => broken.map(|never| match never {}),
    }
}

/// Runs Rust's tests by cargo-nextest, whose output goes to the terminal as it is.
async fn test(home: &Home, which: &[&str], supervisor: &mut Supervisor) -> Result<Outcome> {
    let mut command = python(home);
    println!("  … building the tests: about ten minutes on two cores the first time, then seconds");
    // Of the whole workspace, so that nothing is compiled once more with other features.
    command.args(["--program", "cargo-nextest", "nextest", "run", "--workspace", "--config-file", ".ci/nextest.toml"]);
    command.args(which);
    command.env("LYCEUM_STORES", home.path("stores.json")).env("LYCEUM_FLEET", home.path("fleet.json"));
    undisturbed(supervisor, command).await
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
        table.row([suite.name(), text.to_owned(), show(*duration)]);
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
