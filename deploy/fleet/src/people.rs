//! What people do in the fleet, by the program of `tests/people`: the demo school comes into being, and somebody learns there.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Deserialize;
use tokio::process::Command;

use crate::cargo;
use crate::home::{Home, read_json};
use crate::interrupt::Interrupt;
use crate::plan::Plan;
use crate::process::{run_well, succeed};
use crate::progress::step;
use crate::service::SERVICES;
use crate::supervisor::Supervisor;
use crate::up::{self, Launcher, Options};

/// The package and its program.
pub(crate) const PEOPLE: &str = "people";
/// One password for everybody of the demo school, which listens on this machine only.
pub(crate) const PASSWORD: &str = "thimble-and-thread";

/// Somebody of the demo school.
#[derive(Debug, Deserialize)]
pub(crate) struct Member {
    /// In lower case, such as `manager`.
    pub(crate) role: String,
    pub(crate) email: String,
    pub(crate) name: String,
}

/// Everybody of the demo school.
pub(crate) fn members(home: &Home) -> Result<Vec<Member>> {
    read_json(&home.root().join("tests/people/school/people.json"))?.context("the demo school has no people")
}

/// Where the people of a fleet go.
pub(crate) struct Doors {
    pub(crate) gateway: String,
    pub(crate) sandbox: String,
}

impl Doors {
    fn of(plan: &Plan) -> Result<Self> {
        Ok(Self { gateway: plan.public_url()?, sandbox: plan.sandbox_url()? })
    }
}

/// Builds the program. It is never an optimised one: it does little, and linking that takes minutes.
pub(crate) async fn build(home: &Home) -> Result<PathBuf> {
    // The drill built it before, because it measures how long everything takes.
    if let Some(program) =
        read_json(&home.path("programs.json"))?.and_then(|mut all: BTreeMap<String, PathBuf>| all.remove(PEOPLE))
    {
        return Ok(program);
    }
    let mut programs = cargo::build(home, &[PEOPLE], false).await?;
    programs.remove(PEOPLE).context("the program of people was not built")
}

/// Plays the main journey in the fleet that runs, or in one that is started for it and stopped afterwards.
pub(crate) async fn demo(home: &Home, options: Options, interrupt: &Interrupt) -> Result<()> {
    if let Some(plan) = up::running(home)? {
        return interrupt.guard(play(home, &Doors::of(&plan)?)).await;
    }
    println!("The fleet does not run: it is started for the demo and stopped afterwards.\n");
    let lock = home.lock()?;
    let launcher = Launcher::announce(home, "demo")?;
    let mut supervisor = Supervisor::new(home);
    let played = match up::start(home, options, &mut supervisor, interrupt).await {
        Ok(plan) => interrupt.guard(async { play(home, &Doors::of(&plan)?).await }).await,
        Err(error) => Err(error),
    };
    up::stop(home, &mut supervisor, interrupt).await?;
    drop((launcher, lock));
    played
}

/// Plays the main journey behind these doors.
pub(crate) async fn play(home: &Home, doors: &Doors) -> Result<()> {
    let mut command = command(&build(home).await?, "demo", &doors.gateway);
    command.args(["--sandbox", &doors.sandbox]);
    run_well(command).await.context("the journey was not played to its end")
}

/// Makes the demo school unless this fleet has one; gives the plan back with what it remembers.
pub(crate) async fn seed_once(mut plan: Plan, people: &Path, users: &Path) -> Result<Plan> {
    if plan.state.seeded.is_some() {
        return Ok(plan);
    }
    let service = SERVICES.iter().find(|service| service.name == "users").context("there is no service named users")?;
    // In the environment of the program of users, which it calls, and in no other.
    let mut command = plan.launch(service, people.to_owned())?.command();
    command.args(["seed", "--gateway", &plan.public_url()?, "--users"]).arg(users);
    seed(command).await?;
    plan.state.seeded = Some(env!("CARGO_PKG_VERSION").to_owned());
    plan.state.save(&plan.home)?;
    Ok(plan)
}

/// Makes the demo school in a fleet that this launcher did not start; `users` is how the operator calls the program of users there.
pub(crate) async fn seed_elsewhere(home: &Home, gateway: &str, users: &str) -> Result<()> {
    let mut command = command(&build(home).await?, "seed", gateway);
    command.args(["--users", users]);
    seed(command).await
}

async fn seed(mut command: Command) -> Result<()> {
    step("demo school", async |note| {
        note.set(succeed(&mut command).await.context("the demo school cannot be made")?);
        Ok(())
    })
    .await
}

fn command(people: &Path, verb: &str, gateway: &str) -> Command {
    let mut command = Command::new(people);
    command.args([verb, "--gateway", gateway]);
    command
}
