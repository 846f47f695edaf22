//! `cargo fleet psql`: a service's database, at hand.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Error, Result, bail};

use crate::home::{Home, State};
use crate::ledger;
use crate::package::newest_postgres;
use crate::plan::Plan;
use crate::service::SERVICES;

/// Becomes psql, as the role of the service.
pub(crate) fn psql(home: &Home, service: &str, arguments: &[String]) -> Result<()> {
    let owners: Vec<&str> = SERVICES.iter().filter(|service| service.database).map(|service| service.name).collect();
    if !owners.contains(&service) {
        bail!("{service} owns no database; one of these does: {}", owners.join(", "));
    }
    if ledger::running(home, "postgres")?.is_none() {
        bail!("PostgreSQL does not run: `cargo fleet up`, or `cargo fleet stores` for the stores alone");
    }
    let state = State::load(home)?;
    let password = state.secrets.get(&format!("database.{service}"));
    password.with_context(|| format!("the database of {service} was not made yet: run `cargo fleet up` once"))?;
    let plan = Plan::of_running(home)?;
    let url = plan.stores.postgres_of(service).url(service, plan.database_password(service)?);
    let error = Command::new(newest_postgres(Path::new("/"))?.join("psql")).arg(url).args(arguments).exec();
    Err(Error::from(error).context("cannot start psql"))
}
