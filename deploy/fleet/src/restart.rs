//! `cargo fleet restart NAME`: one process anew, built from today's sources if it is ours.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::cargo;
use crate::home::{Home, State};
use crate::ledger::{self, Record, Role};
use crate::plan::Plan;
use crate::progress::step;
use crate::sandbox;
use crate::service::{SANDBOX, SERVICES};
use crate::status::is_ready;
use crate::stores;
use crate::supervisor::Supervisor;

/// How long it may take until it serves again.
const LIMIT: Duration = Duration::from_secs(120);

/// Stops a process in order and sees to it that it runs again.
pub(crate) async fn restart(home: &Home, name: &str) -> Result<()> {
    let records = ledger::read(home)?;
    let Some(record) = records.iter().find(|record| record.name == name && record.role != Role::Launcher) else {
        let names: Vec<&str> = records.iter().map(|record| record.name.as_str()).collect();
        bail!("{name} was not started here; what was: {}", names.join(", "));
    };
    let program = if matches!(record.role, Role::Service | Role::Sandbox) {
        let release = record.program.components().any(|part| part.as_os_str() == "release");
        cargo::build(home, &[name], release).await?.remove(name)
    } else {
        None
    };
    // A command that waits for Ctrl-C starts again what ends; nobody does that for a fleet that was left running.
    let tended =
        ["up", "demo"].iter().any(|launcher| ledger::running(home, launcher).is_ok_and(|found| found.is_some()));
    step(name, async |note| {
        if tended {
            stop(record).await?;
            let back = async || {
                let now = ledger::running(home, name).ok().flatten();
                now.filter(|now| now.identity != record.identity)
            };
            return wait_until_ready(back, LIMIT).await.with_context(|| format!("{name} did not come back"));
        }
        let mut supervisor = Supervisor::new(home);
        supervisor.stop(vec![record.clone()]).await?;
        note.set("starting");
        match program {
            Some(program) => {
                let plan = Plan::of_running(home)?;
                let service = SERVICES.iter().find(|service| service.name == name);
                let launch = match service {
                    Some(service) => plan.launch(service, program)?,
                    None if name == SANDBOX => sandbox::launch(&plan, program)?,
                    None => bail!("nobody knows how to start {name}"),
                };
                supervisor.start(&launch)?;
                let admin = launch.admin;
                let ready = async || match admin {
                    Some(admin) => is_ready(admin).await,
                    None => true,
                };
                supervisor.wait_until(name, LIMIT, ready).await?;
            }
            None => {
                stores::start(home, &mut State::load(home)?, &mut supervisor).await?;
            }
        }
        note.set("");
        Ok(())
    })
    .await
}

/// Asks it to end, as its launcher would; whoever tends it starts it again.
async fn stop(record: &Record) -> Result<()> {
    record.identity.signal(record.stop_signal());
    let deadline = Instant::now() + LIMIT;
    while record.identity.is_alive() {
        if Instant::now() > deadline {
            bail!("{} does not stop: see `cargo fleet logs {}`", record.name, record.name);
        }
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    Ok(())
}

async fn wait_until_ready(back: impl AsyncFn() -> Option<Record>, limit: Duration) -> Result<()> {
    let deadline = Instant::now() + limit;
    while Instant::now() < deadline {
        match back().await {
            Some(Record { admin: Some(admin), .. }) if is_ready(admin).await => return Ok(()),
            Some(Record { admin: None, .. }) => return Ok(()),
            _ => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
    bail!("it is not ready after {} s", limit.as_secs())
}
