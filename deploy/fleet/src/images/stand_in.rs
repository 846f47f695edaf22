//! Images of other people's programs, made of Debian's packages: to try the chart where nothing can be pulled.
//!
//! They have the names of the images that the chart asks for and behave like them where the chart relies on it: see the
//! Dockerfiles in `deploy/docker/stand-ins`. The programs are Debian's and older; a label says which. They are never pushed.

use std::fs::{self, File};
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result, bail};
use tokio::process::Command;

use super::inventory::DebianPart;
use crate::account::is_root;
use crate::home::Home;
use crate::log;
use crate::package::Package;
use crate::tool::GARAGE;

/// A stand-in.
#[derive(Debug)]
pub(crate) struct StandIn {
    /// The archive's name, and the Dockerfile's.
    pub(crate) name: &'static str,
    /// The image that it stands in for, as the chart's values name it.
    pub(crate) reference: &'static str,
    /// Whom it runs as, with the number of that image's user, and where that user is at home.
    user: (&'static str, u32, &'static str),
    /// A small Debian has these packages; the first gives the version.
    packages: &'static [&'static str],
}

const fn stand_in(
    name: &'static str,
    reference: &'static str,
    user: (&'static str, u32, &'static str),
    packages: &'static [&'static str],
) -> StandIn {
    StandIn { name, reference, user, packages }
}

pub(crate) const STAND_INS: [StandIn; 6] = [
    stand_in(
        "postgres",
        "docker.io/library/postgres:17.6",
        ("postgres", 999, "/var/lib/postgresql"),
        &["postgresql-15"],
    ),
    stand_in("redis", "docker.io/library/redis:7.4.5", ("redis", 999, "/data"), &["redis-server"]),
    stand_in(
        "rabbitmq",
        "docker.io/library/rabbitmq:4.1.4",
        ("rabbitmq", 999, "/var/lib/rabbitmq"),
        &["rabbitmq-server"],
    ),
    stand_in("egress", "docker.io/ubuntu/squid:6.6-24.04_beta", ("proxy", 13, "/var/spool/squid"), &["squid"]),
    stand_in("garage", "docker.io/dxflrs/garage:v2.5.0", ("garage", 65_532, "/"), &["libc6"]),
    stand_in(
        "backup",
        concat!("docker.io/lyceum/backup:", env!("CARGO_PKG_VERSION")),
        ("lyceum", 65_532, "/tmp"),
        &["python3", "age", "ca-certificates", "postgresql-client", "rclone"],
    ),
];

/// What makes their systems.
pub(crate) const PACKAGES: [Package; 1] = [Package("mmdebstrap", "mmdebstrap", "mmdebstrap")];

impl StandIn {
    /// Puts the system, as `system.tar`, and what its Dockerfile copies beside it into a folder. Tells what is inside, and of which
    /// version the program is.
    pub(crate) async fn lay_out(&self, home: &Home, folder: &Path) -> Result<(Vec<DebianPart>, String)> {
        if !is_root() {
            bail!("Debian's packages can be unpacked by root only");
        }
        let (log, list) = (home.log("mmdebstrap"), folder.join("packages"));
        let (name, number, at_home) = self.user;
        // Before the packages, which would otherwise take the next free number, make the machine's own instance, or ask for a shell.
        let prepare = format!(
            "set -e; cd \"$1/etc\"; grep -q '^{name}:' passwd || {{ echo '{name}:x:{number}:{number}::{at_home}:/bin/sh' >>passwd; \
             echo '{name}:x:{number}:' >>group; }}; mkdir -p postgresql-common/createcluster.d; \
             echo 'create_main_cluster = false' >postgresql-common/createcluster.d/image.conf"
        );
        let record = format!(
            "dpkg-query --admindir=\"$1/var/lib/dpkg\" --show --showformat='${{Package}} ${{Version}}\\n' >'{}'",
            list.display()
        );
        let clean = "rm -rf \"$1\"/var/cache/* \"$1\"/var/lib/apt/lists/* \"$1\"/var/log/*.log \"$1\"/var/log/apt";
        let mut command = Command::new("mmdebstrap");
        command.args(["--mode=root", "--variant=essential", "--components=main", "--format=tar", "--skip=output/dev"]);
        command.arg(format!("--include={}", self.packages.join(",")));
        command.args(["--aptopt=APT::Install-Recommends \"false\""]);
        // Nobody loses anything if the machine dies meanwhile.
        command.arg("--dpkgopt=force-unsafe-io");
        command.args(
            ["doc", "man", "locale", "info", "lintian"]
                .map(|unread| format!("--dpkgopt=path-exclude=/usr/share/{unread}/*")),
        );
        for (when, hook) in [("essential", &prepare[..]), ("customize", &record), ("customize", clean)] {
            command.arg(format!("--{when}-hook={hook}"));
        }
        command.arg("bookworm").arg(folder.join("system.tar")).env("SOURCE_DATE_EPOCH", "0");
        let output = File::create(&log)?;
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output).kill_on_drop(true);
        if !command.status().await.context("cannot start mmdebstrap")?.success() {
            bail!("mmdebstrap could not make {}\n{}", self.name, log::excerpt(&log));
        }
        let mut parts: Vec<DebianPart> = fs::read_to_string(&list)?.lines().filter_map(DebianPart::parse).collect();
        parts.sort();
        let version = if self.name == "garage" {
            fs::copy(GARAGE.provide().await?, folder.join("garage"))?;
            GARAGE.version.to_owned()
        } else {
            let of_it = parts.iter().find(|part| Some(&part.name[..]) == self.packages.first().copied());
            of_it.context("the package is not inside")?.version.clone()
        };
        Ok((parts, version))
    }
}
