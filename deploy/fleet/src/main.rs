//! `cargo fleet`: Lyceum on one machine, from an empty one to a school that runs, and every check of it.

mod account;
mod bench;
mod cargo;
mod contract;
mod doctor;
mod drill;
mod home;
mod images;
mod interrupt;
mod keys;
mod ledger;
mod log;
mod package;
mod people;
mod plan;
mod port;
mod process;
mod progress;
mod psql;
mod restart;
mod run;
mod sandbox;
mod service;
mod status;
mod stores;
mod supervisor;
mod test;
mod up;
mod web;
mod welcome;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use rustix::fs::Mode;

use crate::home::Home;
use crate::interrupt::{Interrupt, Interrupted};
use crate::people::Doors;
use crate::stores::Versions;
use crate::test::{ClusterOptions, Suite};
use crate::up::Options;

/// Runs Lyceum on this machine.
#[derive(Debug, Parser)]
#[command(name = "cargo fleet", bin_name = "cargo fleet", version)]
struct Arguments {
    /// Mean the fleet in this folder, such as that of the tests while they run.
    #[arg(long, global = true, hide = true)]
    at: Option<PathBuf>,
    /// Take the stores of one end of what is supported, instead of this machine's packages; a fleet keeps what it began with.
    #[arg(long, global = true)]
    stores: Option<Versions>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start everything: stores, services, the sandbox, the demo school. Ctrl-C stops it.
    Up {
        /// Build optimised programs.
        #[arg(long)]
        release: bool,
        /// Leave it running; `down` stops it.
        #[arg(long)]
        detach: bool,
    },
    /// Show what runs.
    Status,
    /// Show the logs.
    Logs {
        /// Of which processes; all by default.
        names: Vec<String>,
        /// Go on with what is added.
        #[arg(short, long)]
        follow: bool,
        /// How many lines of each to begin with.
        #[arg(short = 'n', long, default_value_t = 50)]
        lines: usize,
    },
    /// Stop everything; the state is kept.
    Down,
    /// Stop one process and start it again; a program of ours is built before.
    Restart {
        /// Which one, as `status` calls it.
        name: String,
    },
    /// Look for what could keep the fleet from running here.
    Doctor,
    /// Open the database of a service.
    Psql {
        /// Whose database.
        service: String,
        /// Handed on to psql.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Run a verb of a service, such as `dead-letters` or `check-config`, as the fleet would run the service.
    Run {
        /// Whose verb.
        service: String,
        /// The verb and what it is told.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
        arguments: Vec<String>,
    },
    /// Start only the stores, for `cargo test`; `down` stops them.
    Stores,
    /// Play the main journey, from the registration to the finished course, and print it as a timeline.
    Demo {
        /// Build optimised programs, if the fleet has to be started.
        #[arg(long)]
        release: bool,
        #[command(flatten)]
        elsewhere: Elsewhere,
    },
    /// Make the demo school in a fleet that runs elsewhere.
    Seed {
        /// The public door.
        #[arg(long, value_name = "URL")]
        gateway: String,
        /// How the program of users is called there, such as `kubectl exec -i deploy/lyceum-users -- /users`.
        #[arg(long, value_name = "COMMAND")]
        users: String,
    },
    /// Look after the contract.
    Contract {
        #[command(subcommand)]
        action: Contract,
    },
    /// Measure speed and memory on optimised programs, beside a reference.
    Bench {
        /// Which scenarios; all by default.
        scenarios: Vec<String>,
        /// Print one JSON document on standard output.
        #[arg(long)]
        json: bool,
    },
    /// Kill every process at every point of its work, and any two together, under load, and count afterwards.
    Chaos {
        /// Handed on, such as `--only payments/` or `--seed 7`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Back up a school, destroy it, restore it, and count: how much is lost, and how long it takes.
    Drill,
    /// Make the images of our programs for Kubernetes, without pulling anything.
    Images(images::Options),
    /// Run the tests: all suites, or those that are named.
    Test {
        /// Which suites.
        suites: Vec<Suite>,
        #[command(flatten)]
        cluster: ClusterOptions,
    },
}

/// A fleet that this launcher did not start.
#[derive(Debug, clap::Args)]
struct Elsewhere {
    /// Play it in the fleet behind this door, which must have the demo school.
    #[arg(long, value_name = "URL", requires = "sandbox")]
    gateway: Option<String>,
    /// Where that fleet's sandbox is.
    #[arg(long, value_name = "URL", requires = "gateway")]
    sandbox: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Contract {
    /// Hold later changes of `proto/` against what it says today.
    Accept,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // Packages, the stores' programs and what suites hand to another user must be readable, however private a person keeps their
    // files. What is secret says so itself.
    rustix::process::umask(Mode::from_raw_mode(0o022));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let result = runtime.context("cannot start").and_then(|runtime| {
        let result = runtime.block_on(run(arguments));
        // Nobody waits for an answer any more.
        runtime.shutdown_background();
        result
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is::<Interrupted>() => ExitCode::from(130),
        Err(error) => {
            eprintln!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(Arguments { at, stores, command }: Arguments) -> Result<()> {
    let mut home = Home::find()?;
    home.versions = stores;
    if let Some(at) = at {
        home = home.of(at);
    }
    let (interrupt, _listeners) = Interrupt::listen()?;
    match command {
        Command::Up { release, detach } => up::up(&home, Options { release, detach, json: false }, &interrupt).await,
        Command::Status => status::status(&home).await,
        Command::Logs { names, follow, lines } => log::show(&home, &names, lines, follow),
        Command::Down => status::down(&home).await,
        Command::Restart { name } => interrupt.guard(restart::restart(&home, &name)).await,
        Command::Doctor => doctor::doctor(&home),
        Command::Psql { service, arguments } => psql::psql(&home, &service, &arguments),
        Command::Run { service, arguments } => run::run(&home, &service, &arguments),
        Command::Stores => up::stores_only(&home, &interrupt).await,
        Command::Demo { elsewhere: Elsewhere { gateway: Some(gateway), sandbox: Some(sandbox) }, .. } => {
            interrupt.guard(people::play(&home, &Doors { gateway, sandbox })).await
        }
        Command::Demo { release, .. } => {
            people::demo(&home, Options { release, ..Options::default() }, &interrupt).await
        }
        Command::Seed { gateway, users } => interrupt.guard(people::seed_elsewhere(&home, &gateway, &users)).await,
        Command::Contract { action: Contract::Accept } => contract::accept(&home).await,
        Command::Bench { scenarios, json } => bench::run(&home, &scenarios, json, &interrupt).await,
        Command::Drill => drill::drill(&home, &interrupt).await,
        Command::Chaos { arguments } => test::chaos(&home, &arguments, &interrupt).await,
        Command::Images(options) => interrupt.guard(images::run(&home, &options)).await,
        Command::Test { suites, cluster } => test::run(&home, &suites, &cluster, &interrupt).await,
    }
}
