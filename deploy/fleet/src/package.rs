//! PostgreSQL, Redis and RabbitMQ as Debian packages: which are missing, and how they get here.
//!
//! Only their programs are wanted. The instances that the packages would run for the whole machine are never started: a
//! policy file forbids it while they are installed, and what is newly installed is not left to start with the machine.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use crate::account::is_root;
use crate::home::Home;
use crate::log;
use crate::progress::{Note, step};
use crate::supervisor::search_path;

/// Something that has to be installed: its title, Debian's name of it and of the system service that it may bring, and a program by
/// which it is found, as a name or as a path.
#[derive(Debug)]
pub(crate) struct Package(pub(crate) &'static str, pub(crate) &'static str, pub(crate) &'static str);

/// Debian's script that starts a broker for the whole machine is another one; this is RabbitMQ's own.
pub(crate) const RABBITMQ_SERVER: &str = "/usr/lib/rabbitmq/bin/rabbitmq-server";

/// Everything that the stores need.
pub(crate) const STORES: [Package; 3] = [
    Package("PostgreSQL", "postgresql", "postgres"),
    Package("Redis", "redis-server", "redis-server"),
    Package("RabbitMQ", "rabbitmq-server", RABBITMQ_SERVER),
];

impl Package {
    /// Where the program is, if it is installed.
    pub(crate) fn found(&self) -> Option<PathBuf> {
        // Debian keeps PostgreSQL's programs out of the search path, by version.
        if self.2 == "postgres" { newest_postgres().ok() } else { find_program(self.2) }
    }
}

/// A program by its name.
pub(crate) fn find_program(name: &str) -> Option<PathBuf> {
    // A path stays what it is, whatever folder it is joined to.
    search_path().split(':').map(|folder| Path::new(folder).join(name)).find(|path| path.is_file())
}

/// The folder of the newest PostgreSQL's programs.
pub(crate) fn newest_postgres() -> Result<PathBuf> {
    let versions = postgres_versions();
    let newest = versions.iter().max().context("PostgreSQL is not installed")?;
    Ok(postgres_programs(*newest))
}

/// The folder of one version's programs.
pub(crate) fn postgres_programs(version: u32) -> PathBuf {
    PathBuf::from(format!("/usr/lib/postgresql/{version}/bin"))
}

/// The installed versions of PostgreSQL that bring a server.
pub(crate) fn postgres_versions() -> Vec<u32> {
    let folders = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let versions = folders.filter_map(|folder| folder.file_name().to_str()?.parse().ok());
    versions.filter(|version| postgres_programs(*version).join("initdb").is_file()).collect()
}

/// What a person without root's rights has to run.
pub(crate) fn command_line(missing: &[&Package]) -> String {
    let names: Vec<&str> = missing.iter().map(|package| package.1).collect();
    format!("sudo apt-get update && sudo apt-get install --no-install-recommends {}", names.join(" "))
}

/// Installs what the stores miss, or says what somebody else has to install.
pub(crate) async fn install_missing(home: &Home) -> Result<()> {
    install(home, STORES.iter()).await
}

/// Installs which of these are missing, or says what somebody else has to install.
pub(crate) async fn install(home: &Home, packages: impl Iterator<Item = &Package>) -> Result<()> {
    let missing: Vec<&Package> = packages.filter(|package| package.found().is_none()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let titles: Vec<&str> = missing.iter().map(|package| package.0).collect();
    if !is_root() {
        bail!(
            "{} must be installed first. Run this, then try again:\n\n    {}\n",
            titles.join(" and "),
            command_line(&missing)
        );
    }
    if find_program("apt-get").is_none() {
        bail!("{} must be installed first, and this machine has no apt-get to do it with", titles.join(" and "));
    }
    let log = home.log("apt");
    // What was begun here is finished even after Ctrl-C: half an installation would be worse than a late answer.
    let (_policy, _clusters) = (Policy::forbid_starts()?, NoCluster::ask()?);
    step("package lists", async |note| apt(&log, &["update"], &note).await).await?;
    let names = missing.iter().map(|package| package.1);
    let arguments: Vec<&str> = ["install", "--yes", "--no-install-recommends"].into_iter().chain(names).collect();
    step(&titles.join(", "), async |note| apt(&log, &arguments, &note).await).await?;
    for package in &missing {
        package
            .found()
            .with_context(|| format!("{} was installed, but its programs are not where Debian puts them", package.0))?;
        keep_from_starting(package.1).await;
        if package.2 == RABBITMQ_SERVER {
            // Erlang's name server comes with it.
            keep_from_starting("epmd").await;
        }
    }
    Ok(())
}

async fn apt(log: &Path, arguments: &[&str], note: &Note) -> Result<()> {
    let mut record = File::options().create(true).append(true).open(log)?;
    let mut child = Command::new("apt-get")
        .args(["-o", "DPkg::Lock::Timeout=300", "-o", "Dpkg::Use-Pty=0"])
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .env("PATH", search_path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(record.try_clone()?)
        .process_group(0)
        .spawn()
        .context("cannot start apt-get")?;
    let output = child.stdout.take().context("apt-get has no output")?;
    let mut lines = BufReader::new(output).lines();
    while let Some(line) = lines.next_line().await? {
        writeln!(record, "{line}")?;
        note.set(line);
    }
    let status = child.wait().await?;
    if !status.success() {
        bail!("`apt-get {}` failed\n{}", arguments.join(" "), log::excerpt(log));
    }
    note.set("");
    Ok(())
}

/// Keeps a newly installed service from starting with the machine; one that was there before is left as it is.
async fn keep_from_starting(service: &str) {
    let (unit, socket) = (format!("{service}.service"), format!("{service}.socket"));
    for arguments in [
        ["update-rc.d", service, "disable"],
        ["deb-systemd-helper", "disable", &unit],
        ["deb-systemd-helper", "disable", &socket],
    ] {
        let mut command = Command::new(arguments[0]);
        command.args(&arguments[1..]).env("PATH", search_path()).stdin(Stdio::null());
        // The helper works without systemd in charge, as in a container, but wants to be asked in a package's name.
        command.env("DPKG_MAINTSCRIPT_PACKAGE", "lyceum");
        // What one of them does not know is not started by it either.
        drop(command.output().await);
    }
}

const POLICY: &str = "/usr/sbin/policy-rc.d";
const OUR_POLICY: &str =
    "#!/bin/sh\n# Put here by `cargo fleet` while it installs packages; remove it if that is long ago.\nexit 101\n";

/// Forbids packages to start services while it lives.
#[derive(Debug)]
struct Policy {
    ours: bool,
}

impl Policy {
    fn forbid_starts() -> Result<Self> {
        let path = Path::new(POLICY);
        if path.exists() && fs::read_to_string(path).unwrap_or_default() != OUR_POLICY {
            let answer = std::process::Command::new(path).args(["postgresql", "start"]).status()?;
            if answer.code() != Some(101) {
                bail!("{POLICY} lets packages start services; move it away, or install the packages by hand");
            }
            return Ok(Self { ours: false });
        }
        write_executable(path, OUR_POLICY)?;
        Ok(Self { ours: true })
    }
}

impl Drop for Policy {
    fn drop(&mut self) {
        if self.ours {
            drop(fs::remove_file(POLICY));
        }
    }
}

/// Whether a policy file of ours was left behind by a killed run.
pub(crate) fn left_policy() -> Option<&'static str> {
    fs::read_to_string(POLICY).is_ok_and(|text| text == OUR_POLICY).then_some(POLICY)
}

fn write_executable(path: &Path, text: &str) -> Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut file = File::options().write(true).create(true).truncate(true).mode(0o755).open(path)?;
    file.write_all(text.as_bytes()).with_context(|| format!("cannot write {}", path.display()))
}

/// Asks Debian's PostgreSQL, while it lives, not to make a database cluster for the whole machine.
#[derive(Debug)]
struct NoCluster;

const NO_CLUSTER: &str = "/etc/postgresql-common/createcluster.d/lyceum.conf";

impl NoCluster {
    fn ask() -> Result<Self> {
        fs::create_dir_all("/etc/postgresql-common/createcluster.d")?;
        fs::write(NO_CLUSTER, "create_main_cluster = false\n").with_context(|| format!("cannot write {NO_CLUSTER}"))?;
        Ok(Self)
    }
}

impl Drop for NoCluster {
    fn drop(&mut self) {
        drop(fs::remove_file(NO_CLUSTER));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_without_roots_rights_is_told_the_exact_command() {
        let missing: Vec<&Package> = STORES.iter().skip(1).collect();
        assert_eq!(
            command_line(&missing),
            "sudo apt-get update && sudo apt-get install --no-install-recommends redis-server rabbitmq-server"
        );
    }

    #[test]
    fn a_program_is_found_in_the_search_path() {
        assert!(find_program("sh").is_some());
        assert_eq!(find_program("no-such-program-anywhere"), None);
    }
}
