//! Images of other people's programs, made of Debian's packages: to try the chart where nothing can be pulled.
//!
//! They have the names of the images that the chart asks for and behave like them where it matters to the chart: user, paths,
//! variables, entry point. The programs are Debian's and older; a label says which. Never pushed anywhere: they are not what
//! their name says.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result, bail};
use tokio::process::Command;

use super::bill::{Bill, DebianPart};
use super::image::{Image, Start};
use super::layer::{Entry, Files, Layer};
use crate::account::is_root;
use crate::home::Home;
use crate::log;
use crate::package::{Package, find_program};
use crate::tool;

/// A stand-in.
#[derive(Debug)]
pub(crate) struct StandIn {
    /// The archive's name.
    pub(crate) name: &'static str,
    /// The image that it stands in for.
    repository: &'static str,
    tag: &'static str,
    /// Whom it runs as, with the number of the image that it stands in for.
    account: (&'static str, u32),
    /// Where that user is at home.
    home: &'static str,
    working_folder: &'static str,
    source: Source,
    environment: &'static [&'static str],
    entrypoint: &'static [&'static str],
    arguments: &'static [&'static str],
    /// Files of `deploy` and where they go.
    files: &'static [(&'static str, &'static str)],
    /// Folders that must be there, mostly to mount something on.
    folders: &'static [&'static str],
}

#[derive(Debug)]
enum Source {
    /// A small Debian with these packages; the first gives its version.
    Debian(&'static [&'static str]),
    /// A program that this launcher knows how to build, with the libraries that it asks for.
    Garage,
}

const PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// All of them. The tags are those of the chart's values.
pub(crate) const STAND_INS: [StandIn; 6] = [
    StandIn {
        name: "postgres",
        repository: "docker.io/library/postgres",
        tag: "17.6",
        account: ("postgres", 999),
        home: "/var/lib/postgresql",
        working_folder: "/",
        source: Source::Debian(&["postgresql-15"]),
        environment: &[
            "PATH=/usr/lib/postgresql/15/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "PGDATA=/var/lib/postgresql/data",
            "LANG=C.UTF-8",
        ],
        entrypoint: &["docker-entrypoint.sh"],
        arguments: &["postgres"],
        files: &[("docker/stand-ins/postgres-entrypoint", "usr/local/bin/docker-entrypoint.sh")],
        folders: &["docker-entrypoint-initdb.d", "var/lib/postgresql/data", "run/postgresql"],
    },
    StandIn {
        name: "redis",
        repository: "docker.io/library/redis",
        tag: "7.4.5",
        account: ("redis", 999),
        home: "/data",
        working_folder: "/data",
        source: Source::Debian(&["redis-server"]),
        environment: &[PATH],
        entrypoint: &["docker-entrypoint.sh"],
        arguments: &["redis-server"],
        files: &[("docker/stand-ins/redis-entrypoint", "usr/local/bin/docker-entrypoint.sh")],
        folders: &["data"],
    },
    StandIn {
        name: "rabbitmq",
        repository: "docker.io/library/rabbitmq",
        tag: "4.1.4",
        account: ("rabbitmq", 999),
        home: "/var/lib/rabbitmq",
        working_folder: "/",
        source: Source::Debian(&["rabbitmq-server"]),
        environment: &[
            "PATH=/usr/lib/rabbitmq/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME=/var/lib/rabbitmq",
            "RABBITMQ_LOGS=-",
            "LANG=C.UTF-8",
        ],
        entrypoint: &["docker-entrypoint.sh"],
        arguments: &["rabbitmq-server"],
        files: &[
            ("docker/stand-ins/rabbitmq-entrypoint", "usr/local/bin/docker-entrypoint.sh"),
            ("docker/stand-ins/rabbitmq-defaults.conf", "etc/rabbitmq/conf.d/10-defaults.conf"),
        ],
        folders: &["var/lib/rabbitmq", "var/log/rabbitmq", "etc/rabbitmq"],
    },
    StandIn {
        name: "egress",
        repository: "docker.io/ubuntu/squid",
        tag: "6.6-24.04_beta",
        account: ("proxy", 13),
        home: "/var/spool/squid",
        working_folder: "/",
        source: Source::Debian(&["squid"]),
        environment: &[PATH],
        entrypoint: &["/usr/sbin/squid"],
        arguments: &["-N"],
        files: &[],
        folders: &["var/log/squid", "var/spool/squid"],
    },
    StandIn {
        name: "garage",
        repository: "docker.io/dxflrs/garage",
        tag: "v2.5.0",
        account: ("garage", 65_532),
        home: "/",
        working_folder: "/",
        source: Source::Garage,
        environment: &["PATH=/"],
        entrypoint: &[],
        arguments: &["/garage", "server"],
        files: &[],
        folders: &["var/lib/garage", "etc/garage", "tmp"],
    },
    // Ours, but on a Debian that has to be pulled: what `deploy/backup/Dockerfile` says.
    StandIn {
        name: "backup",
        repository: "docker.io/lyceum/backup",
        tag: env!("CARGO_PKG_VERSION"),
        account: ("lyceum", 65_532),
        home: "/tmp",
        working_folder: "/tmp",
        source: Source::Debian(&["python3", "age", "ca-certificates", "postgresql-client", "rclone"]),
        environment: &[PATH, "PYTHONDONTWRITEBYTECODE=1"],
        entrypoint: &["/usr/bin/python3", "/usr/local/lib/lyceum/backup.py"],
        arguments: &[],
        files: &[
            ("backup/backup.py", "usr/local/lib/lyceum/backup.py"),
            ("backup/escrow.py", "usr/local/lib/lyceum/escrow.py"),
            ("backup/pipeline.py", "usr/local/lib/lyceum/pipeline.py"),
            ("backup/settings.py", "usr/local/lib/lyceum/settings.py"),
            ("backup/store.py", "usr/local/lib/lyceum/store.py"),
        ],
        folders: &[],
    },
];

/// What makes them.
pub(crate) const PACKAGES: [Package; 1] =
    [Package { title: "mmdebstrap", name: "mmdebstrap", services: &[], find: || find_program("mmdebstrap") }];

impl StandIn {
    /// Makes the image, and lists what is inside.
    pub(crate) async fn make(&self, home: &Home, created: &str) -> Result<(Image, Bill)> {
        let (system, debian, version) = match self.source {
            Source::Debian(packages) => self.debian(home, packages).await?,
            Source::Garage => {
                let files = program_with_libraries(&tool::GARAGE.provide().await?, "garage").await?;
                (Layer::of(&files)?, Vec::new(), tool::GARAGE.version.to_owned())
            }
        };
        let image = Image {
            repository: self.repository.to_owned(),
            tag: self.tag.to_owned(),
            layers: vec![system, Layer::of(&self.own_files(home)?)?],
            created: created.to_owned(),
            labels: vec![
                ("org.opencontainers.image.title", format!("{} (stand-in)", self.name)),
                ("org.opencontainers.image.version", version.clone()),
                (
                    "org.opencontainers.image.description",
                    format!(
                        "{} {version} of this machine, standing in for {}:{}",
                        self.name, self.repository, self.tag
                    ),
                ),
            ],
            start: Start {
                user: format!("{0}:{0}", self.account.1),
                environment: words(self.environment),
                entrypoint: words(self.entrypoint),
                arguments: words(self.arguments),
                folder: self.working_folder.to_owned(),
            },
        };
        Ok((image, Bill { root: self.name.to_owned(), version, crates: Vec::new(), debian }))
    }

    /// A system with the packages, what is in it, and the version of what it is for.
    async fn debian(&self, home: &Home, packages: &[&str]) -> Result<(Layer, Vec<DebianPart>, String)> {
        if !is_root() {
            bail!("Debian's packages can be unpacked by root only");
        }
        let (folder, log) = (home.path("images"), home.log("mmdebstrap"));
        let (tar, list) =
            (folder.join(format!("{}.rootfs", self.name)), folder.join(format!("{}.packages", self.name)));
        let (name, number) = self.account;
        // Before the packages, which would otherwise take the next free number, make the machine's own instance, or ask for a shell.
        let prepare = format!(
            "set -e; cd \"$1/etc\"; grep -q '^{name}:' passwd || {{ echo '{name}:x:{number}:{number}::{home}:/bin/sh' >>passwd; \
             echo '{name}:x:{number}:' >>group; }}; mkdir -p postgresql-common/createcluster.d; \
             echo 'create_main_cluster = false' >postgresql-common/createcluster.d/image.conf",
            home = self.home
        );
        let record = format!(
            "dpkg-query --admindir=\"$1/var/lib/dpkg\" --show --showformat='${{Package}} ${{Version}}\\n' >'{}'",
            list.display()
        );
        let clean = "rm -rf \"$1\"/var/cache/* \"$1\"/var/lib/apt/lists/* \"$1\"/var/log/*.log \"$1\"/var/log/apt";
        let mut command = Command::new("mmdebstrap");
        command.args(["--mode=root", "--variant=essential", "--components=main", "--format=tar", "--skip=output/dev"]);
        command.arg(format!("--include={}", packages.join(",")));
        command.args(["--aptopt=APT::Install-Recommends \"false\""]);
        // Nobody loses anything if the machine dies meanwhile.
        command.arg("--dpkgopt=force-unsafe-io");
        for unread in ["doc", "man", "locale", "info", "lintian"] {
            command.arg(format!("--dpkgopt=path-exclude=/usr/share/{unread}/*"));
        }
        for (when, hook) in [("essential", &prepare[..]), ("customize", &record), ("customize", clean)] {
            command.arg(format!("--{when}-hook={hook}"));
        }
        command.arg("bookworm").arg(&tar).env("SOURCE_DATE_EPOCH", "0");
        let record = std::fs::File::create(&log)?;
        command.stdin(Stdio::null()).stdout(record.try_clone()?).stderr(record).kill_on_drop(true);
        let status = command.status().await.context("cannot start mmdebstrap")?;
        if !status.success() {
            bail!("mmdebstrap could not make {}\n{}", self.name, log::excerpt(&log));
        }
        let layer = Layer::of_tar(&std::fs::read(&tar)?)?;
        let parts: BTreeMap<String, String> = std::fs::read_to_string(&list)?
            .lines()
            .filter_map(|line| line.split_once(' '))
            .map(|(name, version)| (name.to_owned(), version.to_owned()))
            .collect();
        std::fs::remove_file(&tar)?;
        std::fs::remove_file(&list)?;
        let version = packages.first().and_then(|package| parts.get(*package)).context("the package is not inside")?;
        let version = version.clone();
        let part = |(name, version)| DebianPart { name, version, license: None };
        Ok((layer, parts.into_iter().map(part).collect(), version))
    }

    fn own_files(&self, home: &Home) -> Result<Files> {
        let mut files = Files::new();
        for (from, to) in self.files {
            let path = home.root().join("deploy").join(from);
            let bytes = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
            let mode = if from.ends_with("entrypoint") { 0o755 } else { 0o644 };
            files.insert((*to).to_owned(), Entry::File { mode, bytes });
        }
        for folder in self.folders {
            // Whoever it runs as; the chart mounts something here anyway.
            files.insert((*folder).to_owned(), Entry::Folder { mode: 0o1777 });
        }
        Ok(files)
    }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// A dynamic program and everything that it loads, at the places where it looks for it.
async fn program_with_libraries(program: &Path, name: &str) -> Result<Files> {
    let mut ask = Command::new("ldd");
    let output = ask.arg(program).stdin(Stdio::null()).output().await.context("cannot start ldd")?;
    let mut files = super::base_files()?;
    let mut add = |from: &Path, to: &str| -> Result<()> {
        let bytes = std::fs::read(from).with_context(|| format!("cannot read {}", from.display()))?;
        files.insert(to.trim_start_matches('/').to_owned(), Entry::File { mode: 0o555, bytes });
        Ok(())
    };
    add(program, name)?;
    for line in String::from_utf8(output.stdout)?.lines() {
        // `libc.so.6 => /lib/… (0x…)`, and the linker alone: `/lib64/ld-linux-x86-64.so.2 (0x…)`.
        if let Some(path) = line.split_whitespace().find(|word| word.starts_with('/')) {
            add(Path::new(path), path)?;
        }
    }
    Ok(files)
}
