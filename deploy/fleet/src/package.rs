//! PostgreSQL, Redis, RabbitMQ and Python as Debian packages: which are missing, and how they get here.
//!
//! Only their programs are wanted: `deploy/fleet/debian/install` sees to it that the instances which the packages would run for
//! the whole machine are never started.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use crate::account::is_root;
use crate::home::{Home, State};
use crate::log;
use crate::progress::{Note, step};
use crate::stores::{UNPACKER, Versions};
use crate::supervisor::search_path;

/// Something that has to be installed: its title, Debian's name of it and of the system service that it may bring, and a program by
/// which it is found, as a name or as a path.
#[derive(Debug)]
pub(crate) struct Package(pub(crate) &'static str, pub(crate) &'static str, pub(crate) &'static str);

/// Debian's script that starts a broker for the whole machine is another one; this is RabbitMQ's own.
pub(crate) const RABBITMQ_SERVER: &str = "/usr/lib/rabbitmq/bin/rabbitmq-server";

/// Everything that the stores need.
pub(crate) const STORES: [Package; 4] = [
    Package("PostgreSQL", "postgresql", "postgres"),
    Package("Redis", "redis-server", "redis-server"),
    Package("RabbitMQ", "rabbitmq-server", RABBITMQ_SERVER),
    // What fetches the S3 server.
    Package("Python", "python3-venv", "python3"),
];

impl Package {
    /// Where the program is, if it is installed.
    pub(crate) fn found(&self) -> Option<PathBuf> {
        match self.2 {
            // Debian keeps PostgreSQL's programs out of the search path, by version.
            "postgres" => newest_postgres(Path::new("/")).ok(),
            // It also comes without what installs packages.
            "python3" => find_program("python3").filter(|python| {
                let looked = std::process::Command::new(python).args(["-c", "import ensurepip, venv"]).output();
                looked.is_ok_and(|looked| looked.status.success())
            }),
            program => find_program(program),
        }
    }
}

/// A program by its name.
pub(crate) fn find_program(name: &str) -> Option<PathBuf> {
    // A path stays what it is, whatever folder it is joined to.
    search_path().split(':').map(|folder| Path::new(folder).join(name)).find(|path| path.is_file())
}

/// The folder of the newest PostgreSQL's programs below this root, as it is seen from there.
pub(crate) fn newest_postgres(root: &Path) -> Result<PathBuf> {
    let newest = postgres_versions(root).into_iter().max().context("PostgreSQL is not installed")?;
    Ok(postgres_programs(newest))
}

/// The folder of one version's programs.
pub(crate) fn postgres_programs(version: u32) -> PathBuf {
    PathBuf::from(format!("/usr/lib/postgresql/{version}/bin"))
}

/// The versions of PostgreSQL that bring a server, below this root.
pub(crate) fn postgres_versions(root: &Path) -> Vec<u32> {
    let folders = fs::read_dir(root.join("usr/lib/postgresql")).into_iter().flatten().flatten();
    let versions = folders.filter(|folder| folder.path().join("bin/initdb").is_file());
    versions.filter_map(|folder| folder.file_name().to_str()?.parse().ok()).collect()
}

/// What a person without root's rights has to run.
pub(crate) fn command_line(missing: &[&Package]) -> String {
    let names: Vec<&str> = missing.iter().map(|package| package.1).collect();
    format!("sudo apt-get update && sudo apt-get install --no-install-recommends {}", names.join(" "))
}

/// Installs what the stores miss, or says what somebody else has to install.
pub(crate) async fn install_missing(home: &Home) -> Result<()> {
    let unpacker = Versions::of(home, &State::load(home)?)?.map(|_| &UNPACKER);
    install(home, STORES.iter().chain(unpacker)).await
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
    // What was begun here is finished even after Ctrl-C: half an installation would be worse than a late answer.
    step(&titles.join(", "), async |note| run(home, &missing, &note).await).await?;
    for package in &missing {
        package
            .found()
            .with_context(|| format!("{} was installed, but its programs are not where Debian puts them", package.0))?;
    }
    Ok(())
}

async fn run(home: &Home, packages: &[&Package], note: &Note) -> Result<()> {
    let log = home.log("apt");
    let mut record = File::options().create(true).append(true).open(&log)?;
    let mut child = Command::new(home.root().join("deploy/fleet/debian/install"))
        .args(packages.iter().map(|package| package.1))
        .env("PATH", search_path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(record.try_clone()?)
        .process_group(0)
        .spawn()
        .context("cannot start deploy/fleet/debian/install")?;
    let mut lines = BufReader::new(child.stdout.take().context("apt-get has no output")?).lines();
    while let Some(line) = lines.next_line().await? {
        writeln!(record, "{line}")?;
        note.set(line);
    }
    if !child.wait().await?.success() {
        bail!("the packages could not be installed\n{}", log::excerpt(&log));
    }
    note.set("");
    Ok(())
}

/// Where `deploy/fleet/debian/install` says that no service may be started.
const POLICY: &str = "/usr/sbin/policy-rc.d";

/// Whether a policy file of ours was left behind by a killed run.
pub(crate) fn left_policy() -> Option<&'static str> {
    fs::read_to_string(POLICY).is_ok_and(|text| text.contains("`cargo fleet`")).then_some(POLICY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_without_roots_rights_is_told_the_exact_command() {
        let missing: Vec<&Package> = STORES.iter().skip(1).collect();
        assert_eq!(
            command_line(&missing),
            "sudo apt-get update && sudo apt-get install --no-install-recommends redis-server rabbitmq-server \
             python3-venv"
        );
    }

    #[test]
    fn a_program_is_found_in_the_search_path() {
        assert!(find_program("sh").is_some());
        assert_eq!(find_program("no-such-program-anywhere"), None);
    }
}
