//! `load`: runs scenarios against the fleet that `LYCEUM_FLEET` describes. `cargo fleet bench` starts both.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use load::{fleet::Fleet, reference, report::Report, scenario::Scenario};

/// Drives a running fleet and a reference beside it.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run scenarios, all of them if none is named.
    Run {
        /// Which ones.
        scenarios: Vec<Scenario>,
        /// Write the figures as JSON to this file, too.
        #[arg(long)]
        report: Option<PathBuf>,
    },
    /// Put the mix of an ordinary day on the gateway: each line of the input begins a phase, `<name> <requests a second>`.
    Steady {
        /// How many seconds it may last.
        #[arg(long, default_value_t = 3600)]
        longest: u64,
    },
    /// Serve the reference on a free port, which is printed. Scenarios start it by themselves.
    #[command(hide = true)]
    Reference {
        /// The database of courses.
        database: String,
    },
}

#[tokio::main(worker_threads = 2)]
async fn main() -> Result<()> {
    match Arguments::parse().command {
        Command::Run { scenarios, report } => run(scenarios, report).await,
        Command::Steady { longest } => load::steady::run(&Fleet::gateway()?, Duration::from_secs(longest)).await,
        Command::Reference { database } => {
            reference::serve(&database, SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await
        }
    }
}

async fn run(scenarios: Vec<Scenario>, to: Option<PathBuf>) -> Result<()> {
    let fleet = Fleet::find()?;
    let scenarios = if scenarios.is_empty() { Scenario::ALL.to_vec() } else { scenarios };
    let mut reports: Vec<Report> = Vec::new();
    for scenario in scenarios {
        let report = scenario.run(&fleet).await?;
        print!("{}", report.render());
        reports.push(report);
    }
    if let Some(to) = to {
        let text = serde_json::to_string_pretty(&reports)?;
        std::fs::write(&to, text + "\n").with_context(|| format!("cannot write {}", to.display()))?;
    }
    Ok(())
}
