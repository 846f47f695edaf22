//! `cargo fleet dead-letters`: asks the services for what they gave up on, by their own verb `dead-letters`.

use std::process::Stdio;

use anyhow::{Result, bail};

use crate::home::Home;
use crate::ledger;
use crate::plan::Plan;
use crate::service::SERVICES;
use crate::supervisor::show_status;

/// Shows what the services gave up on and why.
pub(crate) async fn list(home: &Home, service: Option<&str>) -> Result<()> {
    ask(home, service, &["list"]).await
}

/// Hands everything that was given up to its consumer again.
pub(crate) async fn replay(home: &Home, service: Option<&str>) -> Result<()> {
    ask(home, service, &["replay"]).await
}

/// Throws away what a service gave up on and nobody can mend.
pub(crate) async fn discard(home: &Home, service: &str) -> Result<()> {
    ask(home, Some(service), &["discard", "--all"]).await
}

/// Starts the program of one service, or of each that has a database, with the verb; what it prints is passed on.
async fn ask(home: &Home, service: Option<&str>, words: &[&str]) -> Result<()> {
    let plan = Plan::of_running(home)?;
    let asked = SERVICES.iter().filter(|one| one.database && service.is_none_or(|name| name == one.name));
    let mut known = false;
    for service in asked {
        known = true;
        let Some(record) = ledger::running(home, service.name)? else {
            bail!("{} does not run: start the fleet with `cargo fleet up`", service.name);
        };
        let mut command = plan.launch(service, record.program)?.command();
        command.env("LYCEUM_LOG", "warn").env("LYCEUM_LOG_FORMAT", "text");
        let output = command.arg("dead-letters").args(words).stdin(Stdio::null()).output().await?;
        print!("{}", String::from_utf8_lossy(&output.stdout));
        if !output.status.success() {
            let (status, error) = (show_status(output.status), String::from_utf8_lossy(&output.stderr));
            bail!("`{} dead-letters {}` failed: {status}\n{error}", service.name, words.join(" "));
        }
    }
    if !known {
        bail!("{} is no service with a consumer", service.unwrap_or_default());
    }
    Ok(())
}
