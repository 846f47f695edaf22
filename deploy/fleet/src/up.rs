//! `cargo fleet up`: everything from nothing to a school that runs, and the wait for Ctrl-C.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::cargo;
use crate::home::{Home, State, read_json};
use crate::interrupt::{Interrupt, Interrupted};
use crate::ledger::{self, Record, Role};
use crate::log;
use crate::package;
use crate::people::{self, PEOPLE};
use crate::plan::Plan;
use crate::process::{Identity, show_status};
use crate::progress::{self, show, step};
use crate::sandbox;
use crate::service::{SANDBOX, SERVICES};
use crate::status::is_ready;
use crate::stores;
use crate::supervisor::{Launch, Supervisor};
use crate::welcome;

/// How long the services may take until they serve.
const START_LIMIT: Duration = Duration::from_secs(60);

/// How the fleet is to be started.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Options {
    /// Optimised programs.
    pub(crate) release: bool,
    /// Leave it running and come back.
    pub(crate) detach: bool,
    /// Log lines as in Kubernetes, for machines.
    pub(crate) json: bool,
}

/// Starts the fleet and, unless it is left running, waits for Ctrl-C.
pub(crate) async fn up(home: &Home, options: Options, interrupt: &Interrupt) -> Result<()> {
    let lock = home.lock()?;
    if let Some(plan) = running(home)? {
        println!("It is running already; `cargo fleet down` stops it.\n");
        return welcome::print(&plan);
    }
    if let Some(other) = ledger::running(home, "up")? {
        bail!(
            "another `cargo fleet up` waits for Ctrl-C (pid {}), and a part of its fleet has ended: stop it first, by Ctrl-C or \
             `cargo fleet down`",
            other.identity.pid
        );
    }
    let launcher = Launcher::announce(home, "up")?;
    let mut supervisor = Supervisor::new(home);
    let started = Instant::now();
    let plan = match start(home, options, &mut supervisor, interrupt).await {
        Ok(plan) => plan,
        Err(error) => {
            stop(home, &mut supervisor, interrupt).await?;
            return Err(error);
        }
    };
    println!("\nReady after {}.\n", show(started.elapsed()));
    welcome::print(&plan)?;
    if options.detach {
        println!("It goes on by itself: `cargo fleet status`, `cargo fleet logs -f`, `cargo fleet down`.");
        return Ok(());
    }
    drop(lock);
    println!("Ctrl-C stops it.");
    let watched = watch(&mut supervisor, interrupt).await;
    stop(home, &mut supervisor, interrupt).await?;
    drop(launcher);
    watched
}

/// The entry of this command in the ledger, by which `down` finds it; gone when this is.
#[derive(Debug)]
pub(crate) struct Launcher {
    home: Home,
    name: &'static str,
}

impl Launcher {
    pub(crate) fn announce(home: &Home, name: &'static str) -> Result<Self> {
        let identity = Identity::of(std::process::id()).context("this process is not in /proc")?;
        let record = Record {
            name: name.to_owned(),
            role: Role::Launcher,
            identity,
            ports: vec![],
            admin: None,
            log: home.path("logs"),
            program: std::path::PathBuf::new(),
            restarts: 0,
        };
        ledger::add(home, record)?;
        Ok(Self { home: home.clone(), name })
    }
}

impl Drop for Launcher {
    fn drop(&mut self) {
        // What cannot be forgotten is seen to be dead by the next who looks.
        drop(ledger::remove(&self.home, self.name));
    }
}

/// Starts everything and seeds the demo school. What was started is in `supervisor`, also after an error.
pub(crate) async fn start(
    home: &Home,
    options: Options,
    supervisor: &mut Supervisor,
    interrupt: &Interrupt,
) -> Result<Plan> {
    home.prepare()?;
    // Not guarded: an installation is never cut short.
    package::install_missing(home).await?;
    interrupt.guard(start_all(home, options, supervisor)).await
}

async fn start_all(home: &Home, options: Options, supervisor: &mut Supervisor) -> Result<Plan> {
    stop_leftovers(home, supervisor).await?;
    let mut state = State::load(home)?;
    let stores = stores::start(home, &mut state, supervisor).await?;
    let programs = build(home, options.release).await?;
    let plan = Plan::new(home, state, stores)?;
    let mut launches: Vec<Launch> = SERVICES
        .iter()
        .map(|service| plan.launch(service, program(&programs, service.name)?))
        .collect::<Result<_>>()?;
    if options.json {
        let variables = launches.iter_mut().flat_map(|launch| &mut launch.env);
        variables.filter(|(name, _)| name == "LYCEUM_LOG_FORMAT").for_each(|(_, value)| "json".clone_into(value));
    }
    // First of all, because the others send their traces there, also while they migrate.
    start_sandbox(&plan, program(&programs, SANDBOX)?, supervisor).await?;
    provide_databases(&plan).await?;
    migrate(&plan, &launches).await?;
    start_services(&plan, &launches, supervisor).await?;
    welcome::write_addresses(&plan)?;
    people::seed_once(plan, &program(&programs, PEOPLE)?, &program(&programs, "users")?).await
}

/// Starts everything but the services, which run elsewhere: stores with empty databases, and the sandbox.
pub(crate) async fn start_outside(home: &Home, supervisor: &mut Supervisor, interrupt: &Interrupt) -> Result<Plan> {
    home.prepare()?;
    package::install_missing(home).await?;
    interrupt
        .guard(async {
            let mut state = State::load(home)?;
            let stores = stores::start(home, &mut state, supervisor).await?;
            let programs = cargo::build(home, &[SANDBOX], false).await?;
            let plan = Plan::new(home, state, stores)?;
            start_sandbox(&plan, program(&programs, SANDBOX)?, supervisor).await?;
            provide_databases(&plan).await?;
            welcome::write_addresses(&plan)?;
            Ok(plan)
        })
        .await
}

/// `cargo fleet stores`: starts the stores and leaves them running.
pub(crate) async fn stores_only(home: &Home, interrupt: &Interrupt) -> Result<()> {
    let _lock = home.lock()?;
    package::install_missing(home).await?;
    let mut supervisor = Supervisor::new(home);
    let mut state = State::load(home)?;
    if let Err(error) = interrupt.guard(stores::start(home, &mut state, &mut supervisor)).await {
        stop(home, &mut supervisor, interrupt).await?;
        return Err(error);
    }
    println!("\nThey run until `cargo fleet down`; `cargo test` finds them by .fleet/stores.json.");
    Ok(())
}

/// Services of an earlier run that was killed are stopped, because their programs may be old. Its stores are used again.
async fn stop_leftovers(home: &Home, supervisor: &mut Supervisor) -> Result<()> {
    let leftovers =
        ledger::read(home)?.into_iter().filter(|record| matches!(record.role, Role::Service | Role::Sandbox));
    supervisor.stop(leftovers.collect()).await?;
    Ok(())
}

/// The plan of a fleet that runs completely.
pub(crate) fn running(home: &Home) -> Result<Option<Plan>> {
    for name in SERVICES.iter().map(|service| service.name).chain([SANDBOX]).chain(stores::NAMES) {
        if ledger::running(home, name)?.is_none() {
            return Ok(None);
        }
    }
    Plan::of_running(home).map(Some)
}

async fn build(home: &Home, release: bool) -> Result<BTreeMap<String, PathBuf>> {
    // The drill built them before, because it measures how long a start takes.
    if let Some(programs) = read_json(&home.path("programs.json"))? {
        return Ok(programs);
    }
    println!(
        "  … building the services, the sandbox and the people: about ten minutes on two cores the first time, then seconds"
    );
    let started = Instant::now();
    let packages: Vec<&str> = SERVICES.iter().map(|service| service.name).chain([SANDBOX]).collect();
    let mut programs = cargo::build(home, &packages, release).await?;
    programs.insert(PEOPLE.to_owned(), people::build(home).await?);
    progress::done("build", started.elapsed(), &format!("{} programs", programs.len()));
    Ok(programs)
}

fn program(programs: &BTreeMap<String, PathBuf>, name: &str) -> Result<PathBuf> {
    programs.get(name).cloned().with_context(|| format!("{name} was not built"))
}

async fn start_sandbox(plan: &Plan, program: PathBuf, supervisor: &mut Supervisor) -> Result<()> {
    step("sandbox", async |note| {
        supervisor.start(&sandbox::launch(plan, program)?)?;
        let port = plan.port("sandbox.http")?;
        supervisor.wait_until(SANDBOX, START_LIMIT, async || sandbox::answers(port).await).await?;
        note.set(plan.sandbox_url()?);
        Ok(())
    })
    .await
}

async fn provide_databases(plan: &Plan) -> Result<()> {
    step("databases", async |note| {
        let owners: Vec<&str> =
            SERVICES.iter().filter(|service| service.database).map(|service| service.name).collect();
        for owner in &owners {
            plan.stores.postgres_of(owner).provide(owner, plan.database_password(owner)?).await?;
        }
        note.set(owners.join(", "));
        Ok(())
    })
    .await
}

/// Runs `migrate` of every service that owns a database.
async fn migrate(plan: &Plan, launches: &[Launch]) -> Result<()> {
    step("migrations", async |note| {
        for (service, launch) in SERVICES.iter().zip(launches).filter(|(service, _)| service.database) {
            note.set(service.name);
            let output = launch.command().arg("migrate").output().await?;
            let path = plan.home.log(&format!("{}-migrate", service.name));
            std::fs::write(&path, [output.stdout, output.stderr].concat())?;
            if !output.status.success() {
                let status = show_status(output.status);
                bail!("the migrations of {} failed: {status}\n{}", service.name, log::excerpt(&path));
            }
        }
        note.set("");
        Ok(())
    })
    .await
}

async fn start_services(plan: &Plan, launches: &[Launch], supervisor: &mut Supervisor) -> Result<()> {
    step("services", async |note| {
        for launch in launches {
            supervisor.start(launch)?;
        }
        for launch in launches {
            note.set(format!("waiting for {}", launch.name));
            let admin = launch.admin.context("a service has an admin port")?;
            supervisor.wait_until(&launch.name, START_LIMIT, async || is_ready(admin).await).await?;
        }
        note.set(plan.public_url()?);
        Ok(())
    })
    .await
}

/// Waits for Ctrl-C. A program that ends by itself is reported and started again, and the others go on.
async fn watch(supervisor: &mut Supervisor, interrupt: &Interrupt) -> Result<()> {
    tokio::select! {
        () = interrupt.asked(1) => Ok(()),
        broken = supervisor.tend() => broken.map(|never| match never {}),
    }
}

/// Stops what was started here; a second Ctrl-C stops the patience.
pub(crate) async fn stop(home: &Home, supervisor: &mut Supervisor, interrupt: &Interrupt) -> Result<()> {
    if supervisor.started("postgres") {
        stores::forget_addresses(home);
    }
    if !supervisor.has_started_anything() {
        return Ok(());
    }
    println!();
    let killed = step("stopping", async |note| {
        tokio::select! {
            killed = supervisor.stop_started() => {
                let killed = killed?;
                if !killed.is_empty() {
                    note.set(format!("{} did not stop in time and had to be killed", killed.join(", ")));
                }
                Ok(false)
            }
            () = interrupt.asked(2) => Ok(true),
        }
    })
    .await?;
    if killed {
        supervisor.kill_started().await?;
    }
    supervisor.forget_the_dead()?;
    if killed {
        bail!(Interrupted);
    }
    Ok(())
}
