//! `cargo fleet test`: everything that the README promises, suite by suite, on stores of its own.

mod cluster;
mod script;

use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tokio::process::Command;

pub(crate) use self::cluster::Options as ClusterOptions;
pub(crate) use self::script::python;
use self::script::{Fleet, Script};
use crate::cargo::{self, cargo};
use crate::home::{Home, State};
use crate::interrupt::{Interrupt, Interrupted};
use crate::package::{self, Package};
use crate::progress::{Table, show};
use crate::sandbox;
use crate::stores;
use crate::supervisor::Supervisor;
use crate::tidy;
use crate::up::{self, Options};

/// The package that kills and counts.
const CHAOS: &str = "chaos";
/// Generated requests for everything in the OpenAPI document.
const FUZZ: Script = Script { name: "fuzz", packages: &[], fleet: Fleet::Text };
/// The Helm chart, rendered in every way.
const CHART: Script = Script {
    name: "chart",
    packages: &[Package {
        title: "Squid",
        name: "squid",
        services: &["squid"],
        find: || package::find_program("squid"),
    }],
    fleet: Fleet::None,
};

/// Images, looked at from outside.
const IMAGES: Script = Script {
    name: "images",
    packages: &[
        Package { title: "runc", name: "runc", services: &[], find: || package::find_program("runc") },
        Package {
            title: "a registry",
            name: "docker-registry",
            services: &["docker-registry"],
            find: || package::find_program("docker-registry"),
        },
    ],
    fleet: Fleet::None,
};

/// Dashboards and alerts, asked of a Prometheus that scrapes a fleet.
const OBSERVABILITY: Script = Script {
    name: "observability",
    packages: &[
        Package {
            title: "Prometheus",
            name: "prometheus",
            services: &["prometheus"],
            find: || package::find_program("promtool"),
        },
        Package {
            title: "Alertmanager",
            name: "prometheus-alertmanager",
            services: &["prometheus-alertmanager"],
            find: || package::find_program("amtool"),
        },
        Package {
            title: "PostgreSQL's exporter",
            name: "prometheus-postgres-exporter",
            services: &["prometheus-postgres-exporter"],
            find: || package::find_program("prometheus-postgres-exporter"),
        },
        Package {
            title: "Redis' exporter",
            name: "prometheus-redis-exporter",
            services: &["prometheus-redis-exporter"],
            find: || package::find_program("prometheus-redis-exporter"),
        },
    ],
    fleet: Fleet::Text,
};

/// Log lines of every service in an Elasticsearch, and traces in a collector, by the configuration that is shipped.
const LOGGING: Script = Script {
    name: "logging",
    packages: &[
        Package { title: "Maven", name: "maven", services: &[], find: || package::find_program("mvn") },
        Package {
            title: "Java",
            name: "openjdk-17-jre-headless",
            services: &[],
            find: || package::find_program("java"),
        },
        Package { title: "Ruby", name: "ruby", services: &[], find: || package::find_program("ruby") },
    ],
    fleet: Fleet::Json,
};

/// The programs of `deploy/backup`, by themselves.
const BACKUP: Script = Script { name: "backup", packages: &[], fleet: Fleet::None };

/// The infrastructure of Selectel, as far as it can be checked without an account.
const TERRAFORM: Script = Script { name: "terraform", packages: &[], fleet: Fleet::None };

/// What GitLab runs, and the check of migrations.
const PIPELINE: Script = Script {
    name: "pipeline",
    packages: &[Package { title: "rsync", name: "rsync", services: &[], find: || package::find_program("rsync") }],
    fleet: Fleet::None,
};

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
    /// The programs that back up, by themselves: what they keep, and what they refuse.
    Backup,
    /// Back up, damage, destroy, restore to a moment, and count.
    Drill,
    /// The chart as it is rendered: schemas, policies, who may reach whom, and whether the services accept what they are told.
    Chart,
    /// Every panel and every alert against a Prometheus that scrapes a fleet during a journey; promtool, amtool, runbooks.
    Observability,
    /// Log lines of every service in an Elasticsearch that refuses what it does not know, dead letters, and the collector's configuration.
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
    const ALL: [Self; 13] = [
        Self::Tidy,
        Self::Crates,
        Self::SandboxClient,
        Self::Journeys,
        Self::Chaos,
        Self::Fuzz,
        Self::Chart,
        Self::Backup,
        Self::Drill,
        Self::Observability,
        Self::Logging,
        Self::Terraform,
        Self::Pipeline,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Tidy => "tidy",
            Self::Crates => "crates",
            Self::SandboxClient => "sandbox-client",
            Self::Journeys => "journeys",
            Self::Fuzz => "fuzz",
            Self::Chaos => "chaos",
            Self::Chart => "chart",
            Self::Backup => "backup",
            Self::Drill => "drill",
            Self::Observability => "observability",
            Self::Logging => "logging",
            Self::Terraform => "terraform",
            Self::Pipeline => "pipeline",
            Self::Images => "images",
            Self::Cluster => "cluster",
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
pub(crate) async fn run(home: &Home, suites: &[Suite], cluster: &ClusterOptions, interrupt: &Interrupt) -> Result<()> {
    let suites = if suites.is_empty() { &Suite::ALL[..] } else { suites };
    // Takes long, and other suites may run beside it.
    let home = if suites == [Suite::Cluster] { home.for_cluster() } else { home.for_tests() };
    let lock = begin_anew(&home).await?;
    let mut supervisor = Supervisor::new(&home);
    let tested = interrupt.guard(run_all(&home, suites, cluster, &mut supervisor, interrupt)).await;
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
        Suite::Observability => return OBSERVABILITY.run(home, supervisor, interrupt).await,
        Suite::Logging => return LOGGING.run(home, supervisor, interrupt).await,
        Suite::Backup => return BACKUP.run(home, supervisor, interrupt).await,
        Suite::Chart => return CHART.run(home, supervisor, interrupt).await,
        Suite::Terraform => return TERRAFORM.run(home, supervisor, interrupt).await,
        Suite::Pipeline => return PIPELINE.run(home, supervisor, interrupt).await,
        Suite::Images => return IMAGES.run(home, supervisor, interrupt).await,
        Suite::Cluster => return cluster::run(home, cluster, supervisor, interrupt).await,
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
    Ok(script::outcome(sandbox::run_client(home, python(home)).await?))
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
