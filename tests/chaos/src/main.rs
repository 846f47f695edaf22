//! Kills the fleet at any point, under load, and counts afterwards. `cargo fleet test chaos` and `cargo fleet chaos` run it.
//!
//! Reading order: `point` (where a process can die, and which points are struck together), `fleet` (the processes), `learner`
//! (the load; what people do stands in `tests/people`), `storm` (one run), `trouble` (stores and connections), `poison`, `upload`,
//! `count` (what must be there afterwards).

#![expect(
    clippy::disallowed_methods,
    reason = "what kills processes lives by the machine's own clock, which nobody sets"
)]

mod broker;
mod count;
mod fleet;
mod learner;
mod point;
mod poison;
mod storm;
mod trouble;
mod upload;

use std::{
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use clap::Parser;
use rand::{SeedableRng, rngs::StdRng};
use time::OffsetDateTime;

use crate::{count::Caused, fleet::Fleet, point::Point, storm::Cast, trouble::Trouble};

/// Kills the fleet at any point and counts afterwards.
#[derive(Debug, Parser)]
#[command(name = "cargo fleet chaos")]
struct Arguments {
    /// Every point by itself and any two together, instead of the pairwise selection.
    #[arg(long)]
    matrix: bool,
    /// The selection all the same.
    #[arg(long)]
    pairwise: bool,
    /// Only runs whose name holds this text.
    #[arg(long)]
    only: Option<String>,
    /// What chance begins with; the same seed makes the same runs.
    #[arg(long, default_value_t = 20_261_126)]
    seed: u64,
    /// Stop at the first failure and leave everything as it is.
    #[arg(long)]
    fail_fast: bool,
}

/// A run, before it happens.
enum Run {
    Kill(Vec<Point>),
    Trouble(Trouble),
    Poison,
    Upload,
}

impl Run {
    fn name(&self) -> String {
        match self {
            Self::Kill(points) => points.iter().map(ToString::to_string).collect::<Vec<_>>().join(" + "),
            Self::Trouble(trouble) => trouble.name().to_owned(),
            Self::Poison => "poison: dead letter, shown, replayed".to_owned(),
            Self::Upload => "upload: killed at each of its points".to_owned(),
        }
    }
}

/// What the table at the end tells of a run.
struct Line {
    name: String,
    took: Duration,
    slowest: Option<(String, Duration)>,
    failure: Option<String>,
}

#[tokio::main]
async fn main() -> ExitCode {
    match storms(&Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("chaos: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn storms(arguments: &Arguments) -> Result<()> {
    let fleet = Arc::new(Fleet::find()?);
    let points = point::all()?;
    let mut chance = StdRng::seed_from_u64(arguments.seed);
    let runs = runs(arguments, &points, &mut chance);
    println!(
        "{} points, {} runs of {} learners, seed {}\n",
        points.len(),
        runs.len(),
        storm::LEARNERS + 1,
        arguments.seed
    );
    let mut cast = Cast::assemble(&fleet).await.context("the learners of the storm")?;
    let (mut lines, mut caused, mut begun) = (Vec::new(), Vec::new(), Vec::new());
    for (at, run) in runs.iter().enumerate() {
        // The other runs bring these people no notices: what comes late counts for the run before.
        if matches!(run, Run::Kill(_) | Run::Trouble(_)) {
            begun.push(OffsetDateTime::now_utc());
        }
        let line = one(&fleet, &cast, run, &mut chance, &mut caused).await;
        let slowest =
            line.slowest.as_ref().map(|(what, took)| format!("; {what} was away for {} ms", took.as_millis()));
        let mark = if line.failure.is_none() { "✓" } else { "✗" };
        println!(
            "{mark} {:>3}/{} {:>6} ms  {}{}",
            at + 1,
            runs.len(),
            line.took.as_millis(),
            line.name,
            slowest.unwrap_or_default()
        );
        if let Some(failure) = &line.failure {
            println!("      {failure}");
        }
        let failed = line.failure.is_some();
        lines.push(line);
        if failed && arguments.fail_fast {
            bail!("stopped at the first failure");
        }
        if failed {
            fleet.all_serve().await?;
            // Whoever is still on the way would be counted in the next run.
            cast = Cast::assemble(&fleet).await?;
        }
    }
    for one in &mut caused {
        one.until = begun.iter().copied().find(|begun| *begun > one.since);
    }
    conclude(&fleet, &lines, &caused, &points, arguments.only.is_some()).await
}

fn runs(arguments: &Arguments, points: &[Point], chance: &mut StdRng) -> Vec<Run> {
    let sets =
        if arguments.matrix && !arguments.pairwise { point::matrix(points) } else { point::pairwise(points, chance) };
    let mut runs: Vec<Run> = Trouble::ALL.into_iter().map(Run::Trouble).collect();
    runs.extend([Run::Poison, Run::Upload]);
    runs.extend(sets.into_iter().map(Run::Kill));
    if let Some(only) = &arguments.only {
        runs.retain(|run| run.name().contains(only.as_str()));
    }
    runs
}

async fn one(fleet: &Arc<Fleet>, cast: &Cast, run: &Run, chance: &mut StdRng, caused: &mut Vec<Caused>) -> Line {
    let started = Instant::now();
    let outcome = match run {
        Run::Kill(points) => storm::kill_at(fleet, cast, points, chance).await.map(Some),
        Run::Trouble(trouble) => trouble::run(fleet, cast, *trouble, chance).await.map(Some),
        Run::Poison => poison::run(fleet).await.map(|()| None),
        Run::Upload => upload::run(fleet, &cast.manager).await.map(|()| None),
    };
    let took = started.elapsed();
    let (slowest, failure) = match outcome {
        Ok(None) => (None, None),
        Ok(Some(outcome)) => {
            caused.push(outcome.caused);
            let slowest = outcome.recoveries.into_iter().max_by_key(|(_, took)| *took);
            (slowest, outcome.complaint.map(|error| format!("{error:#}")))
        }
        Err(error) => (None, Some(format!("{error:#}"))),
    };
    Line { name: run.name(), took, slowest, failure }
}

/// Counts everything once more, because a repetition may come late, and prints what the storm was like.
async fn conclude(fleet: &Fleet, lines: &[Line], caused: &[Caused], points: &[Point], partly: bool) -> Result<()> {
    let mut complaints: Vec<String> =
        lines.iter().filter_map(|line| line.failure.as_ref().map(|why| format!("{}: {why}", line.name))).collect();
    for one in caused {
        if let Err(error) = count::exact(fleet, one).await {
            complaints.push(format!("{}, counted again at the end: {error:#}", one.scenario));
        }
    }
    let checks = [
        count::outboxes_are_empty(fleet).await,
        count::no_dead_letters(fleet).await,
        count::no_transaction_was_left_open(fleet),
    ];
    for check in checks {
        complaints.extend(check.err().map(|error| format!("{error:#}")));
    }
    if !partly {
        let elsewhere = [poison::points(), upload::points()].concat();
        let missed = points.iter().chain(&elsewhere).filter(|point| !fleet.visited(point));
        complaints.extend(missed.map(|point| format!("nobody ever came by {point}")));
    }
    let learners: usize = caused.iter().map(|one| one.graduates.len()).sum();
    let restarts: u32 = fleet.processes()?.iter().map(|process| process.restarts).sum();
    let slowest = lines.iter().filter_map(|line| line.slowest.as_ref()).max_by_key(|(_, took)| *took);
    println!(
        "\n{learners} learners arrived in {} steps through {} runs; processes were started again {restarts} times.",
        fleet.steps.count(),
        lines.len()
    );
    if let Some((what, took)) = slowest {
        println!("Longest away: {what}, {} ms.", took.as_millis());
    }
    if !complaints.is_empty() {
        bail!("{} complaints:\n  {}", complaints.len(), complaints.join("\n  "));
    }
    println!("Everything is there once, nothing is left behind.");
    Ok(())
}
