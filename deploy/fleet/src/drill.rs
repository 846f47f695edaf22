//! `cargo fleet drill`: a school is backed up, damaged, destroyed and restored, and then everything is counted.
//!
//! What is done stands in `tests/drill`; here is what it needs: the tools of the backup, the programs, and a fleet of its own, two of
//! whose services have database servers apart. The drill starts and stops that fleet by calling this launcher again.

use std::path::Path;
use std::process::ExitStatus;

use anyhow::{Result, bail};
use tokio::process::Command;

use crate::cargo;
use crate::home::{Home, Other, State, write_json};
use crate::interrupt::Interrupt;
use crate::package::{self, Package};
use crate::people::{self, PEOPLE};
use crate::process::{self, show_status, this_program};
use crate::service::{SANDBOX, SERVICES};
use crate::stores::Versions;
use crate::supervisor::Supervisor;
use crate::test::{begin_anew, python};

/// What backs up and restores, beside the stores themselves.
const TOOLS: [Package; 5] = [
    Package("pgBackRest", "pgbackrest", "pgbackrest"),
    Package("age", "age", "age"),
    Package("rclone", "rclone", "rclone"),
    // pgBackRest speaks to S3 by TLS only, and the stores speak without.
    Package("stunnel", "stunnel4", "stunnel4"),
    Package("OpenSSL", "openssl", "openssl"),
];

/// Runs it; fails when a promise is broken.
pub(crate) async fn drill(home: &Home, interrupt: &Interrupt) -> Result<()> {
    match run(home, interrupt).await? {
        status if status.success() => Ok(()),
        status => bail!("the drill failed: {}", show_status(status)),
    }
}

/// Runs it and tells how its program ended. What it started is stopped.
pub(crate) async fn run(home: &Home, interrupt: &Interrupt) -> Result<ExitStatus> {
    let home = home.other(Other::Drill);
    let lock = begin_anew(&home).await?;
    home.prepare()?;
    package::install_missing(&home).await?;
    package::install(&home, TOOLS.iter()).await?;
    let packages: Vec<&str> = SERVICES.iter().map(|service| service.name).chain([SANDBOX]).collect();
    let played = interrupt
        .guard(async {
            // Once, so that no later start waits for the compiler: how long a restoration takes is measured.
            let mut programs = cargo::build(&home, &packages, false).await?;
            programs.insert(PEOPLE.to_owned(), people::build(&home).await?);
            write_json(&home.path("programs.json"), &programs)?;
            // The calls that follow take the stores that it began with, and the lock.
            let versions = Versions::of(&home, &State::default())?;
            State { versions, ..State::default() }.save(&home)?;
            drop(lock);
            let mut program = python(&home);
            if let Some(versions) = versions {
                program.env("LYCEUM_RELEASE", versions.unpack(&home).await?);
            }
            play(&home, program).await
        })
        .await;
    Supervisor::new(&home).stop_all().await?;
    played
}

async fn play(home: &Home, mut command: Command) -> Result<ExitStatus> {
    command.arg("tests/drill/run.py");
    let launcher = this_program()?;
    let variables: [(&str, &Path); 2] = [("LYCEUM_LAUNCHER", &launcher), ("LYCEUM_DRILL", home.dir())];
    command.envs(variables).env("PYTHONDONTWRITEBYTECODE", "1");
    process::run(command).await
}
