//! `cargo fleet run`: a verb of a service, such as `dead-letters`, in the environment that the fleet gives it.

use std::os::unix::process::CommandExt;

use anyhow::{Context, Error, Result};

use crate::home::Home;
use crate::ledger;
use crate::plan::Plan;
use crate::service::SERVICES;

/// Becomes the program of the service, as it runs now.
pub(crate) fn run(home: &Home, service: &str, arguments: &[String]) -> Result<()> {
    let known = SERVICES.iter().find(|known| known.name == service);
    let known = known.with_context(|| format!("there is no service named {service}"))?;
    let record = ledger::running(home, service)?;
    let record = record.with_context(|| format!("{service} does not run: start the fleet with `cargo fleet up`"))?;
    let mut command = Plan::of_running(home)?.launch(known, record.program)?.command();
    // What the verb prints is wanted, not what the service would log.
    let error = command.args(arguments).env("LYCEUM_LOG", "warn").as_std_mut().exec();
    Err(Error::from(error).context(format!("cannot start {service}")))
}
