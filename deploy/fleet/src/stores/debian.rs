//! Which release of Debian the stores come from: this machine's own packages, or another release's, unpacked beside them.
//!
//! What is promised is tried at both ends. Another release's programs see its `/usr` in place of this machine's, and share the rest:
//! `deploy/fleet/debian`. Where the machine is of that release, it is its own packages that run, and root is not needed.

use std::path::PathBuf;

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};
use tokio::process::Command;

use crate::home::{Home, State};
use crate::package::Package;
use crate::process::succeed;
use crate::progress::step;

/// What unpacks another release.
pub(crate) const UNPACKER: Package = Package("mmdebstrap", "mmdebstrap", "mmdebstrap");

/// One end of what is supported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Versions {
    /// Debian 12's: PostgreSQL 15, RabbitMQ 3.10, Redis 7.0.
    Oldest,
    /// Debian 13's: PostgreSQL 17, RabbitMQ 4.0, Redis 8.0.
    Newest,
}

impl Versions {
    /// Which ones a fleet has that are not this machine's own: as asked for, else as it began.
    pub(crate) fn of(home: &Home, state: &State) -> Result<Option<Self>> {
        let Some(asked) = home.versions else { return Ok(state.versions) };
        let asked = Some(asked).filter(|asked| asked.are_foreign());
        if asked != state.versions && home.path("stores").exists() {
            bail!(
                "the data in {} were written by other versions of the stores: after `cargo fleet down`, remove that folder \
                 to begin anew",
                home.dir().display()
            );
        }
        Ok(asked)
    }

    fn suite(self) -> &'static str {
        match self {
            Self::Oldest => "bookworm",
            Self::Newest => "trixie",
        }
    }

    /// Whether these are not what this machine's packages bring.
    pub(crate) fn are_foreign(self) -> bool {
        let system = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
        !system.lines().any(|line| line.strip_prefix("VERSION_CODENAME=") == Some(self.suite()))
    }

    /// The folder in which the other release lies, which is made if it is not here yet.
    pub(crate) async fn unpack(self, home: &Home) -> Result<PathBuf> {
        step(&format!("Debian {}", self.suite()), async |note| {
            note.set("unpacked once for this machine, which takes a minute or two");
            let mut command = Command::new(home.root().join("deploy/fleet/debian/unpack"));
            let folder = succeed(command.arg(self.suite())).await?;
            note.set(&folder);
            Ok(PathBuf::from(folder))
        })
        .await
    }
}
