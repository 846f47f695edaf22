//! The list of processes that this fleet started, kept in a file, so that another command finds and stops them.

use std::fs::File;
use std::path::PathBuf;

use anyhow::Result;
use rustix::process::Signal;
use serde::{Deserialize, Serialize};

use crate::home::{Home, read_json, write_json};
use crate::process::Identity;

/// What kind of process it is; they are stopped in the reverse of this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Role {
    /// What another store needs to run.
    Support,
    /// PostgreSQL, Redis, RabbitMQ.
    Store,
    /// The outside world, simulated.
    Sandbox,
    /// A service of ours.
    Service,
    /// A `cargo fleet up` that waits for Ctrl-C.
    Launcher,
}

/// A process that was started.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) name: String,
    pub(crate) role: Role,
    #[serde(flatten)]
    pub(crate) identity: Identity,
    /// Where it listens, the most interesting first.
    pub(crate) ports: Vec<u16>,
    /// The port that answers /readyz, if it has one.
    pub(crate) admin: Option<u16>,
    pub(crate) log: PathBuf,
    #[serde(default)]
    pub(crate) program: PathBuf,
    /// How often it was started again after it had ended by itself.
    #[serde(default)]
    pub(crate) restarts: u32,
}

impl Record {
    /// Which signal makes it stop in order. SIGINT tells PostgreSQL not to wait for its clients. SeaweedFS would wait 16 s for its
    /// own parts, and has nothing to do meanwhile: what it has answered is written.
    pub(crate) fn stop_signal(&self) -> Signal {
        match self.name.as_str() {
            name if name.starts_with("postgres") => Signal::INT,
            "seaweedfs" => Signal::KILL,
            _ => Signal::TERM,
        }
    }
}

/// All of them, running or not: one that is listed and does not run has crashed.
pub(crate) fn read(home: &Home) -> Result<Vec<Record>> {
    Ok(read_json(&home.path("processes.json"))?.unwrap_or_default())
}

/// The record of a process that runs now.
pub(crate) fn running(home: &Home, name: &str) -> Result<Option<Record>> {
    Ok(read(home)?.into_iter().find(|record| record.name == name && record.identity.is_alive()))
}

/// Adds a process, in place of an earlier one of the same name.
pub(crate) fn add(home: &Home, record: Record) -> Result<()> {
    change(home, |records| {
        records.retain(|old| old.name != record.name);
        records.push(record);
        records.sort_by(|a, b| (a.role, &a.name).cmp(&(b.role, &b.name)));
    })
}

/// Forgets a process that was stopped on purpose.
pub(crate) fn remove(home: &Home, name: &str) -> Result<()> {
    change(home, |records| records.retain(|old| old.name != name))
}

fn change(home: &Home, edit: impl FnOnce(&mut Vec<Record>)) -> Result<()> {
    let guard = File::create(home.path("processes.lock"))?;
    guard.lock()?;
    let mut records = read(home)?;
    edit(&mut records);
    write_json(&home.path("processes.json"), &records)
}
