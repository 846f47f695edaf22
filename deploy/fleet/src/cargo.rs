//! Calls cargo as a person would: its progress goes to the terminal, and nothing of our own cargo's settings leaks in.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use crate::home::Home;
use crate::images::program::{self, Sources};

/// A call of cargo in the repository.
///
/// `cargo fleet` is itself run by cargo, which describes the package `fleet` in the environment. Build scripts that look at
/// such variables would run anew, and much would be compiled again, if they were handed on.
pub(crate) fn cargo(home: &Home) -> Command {
    outside(home.root())
}

/// A call of cargo in another folder, which is none of ours.
pub(crate) fn outside(folder: &Path) -> Command {
    let mut command = Command::new("cargo");
    command.current_dir(folder);
    forget_this_package(&mut command);
    command
}

/// Hands nothing on that describes the package `fleet`: to cargo, and to whatever may call it in turn.
pub(crate) fn forget_this_package(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(describes_a_package) {
            command.env_remove(name);
        }
    }
}

fn describes_a_package(variable: &str) -> bool {
    let prefixes = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_", "CARGO_PRIMARY_"];
    variable == "CARGO" || prefixes.iter().any(|prefix| variable.starts_with(prefix))
}

/// Builds the programs of some packages and tells where they are. Optimised ones are those that stand in images, so that what is
/// measured is what ships.
pub(crate) async fn build(home: &Home, packages: &[&str], release: bool) -> Result<BTreeMap<String, PathBuf>> {
    if release {
        return program::build(&Sources::of(home.root()).await, &home.root().join(program::FOLDER), packages).await;
    }
    let mut command = cargo(home);
    command.arg("build");
    // Without naming packages, so that what they use has the features that the whole workspace asks for, whichever they are:
    // otherwise much would be compiled once more for each selection.
    command.args(packages.iter().flat_map(|package| ["--bin", package]));
    build_with(command, packages).await
}

/// The same with a call of `cargo build` that has options of its own and says which programs it means.
pub(crate) async fn build_with(mut command: Command, packages: &[&str]) -> Result<BTreeMap<String, PathBuf>> {
    command.arg("--message-format=json-render-diagnostics");
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true).spawn().context("cannot start cargo")?;
    let mut lines = BufReader::new(child.stdout.take().context("cargo has no output")?).lines();
    let mut programs = BTreeMap::new();
    while let Some(line) = lines.next_line().await? {
        programs.extend(program(&line));
    }
    let status = child.wait().await?;
    if !status.success() {
        bail!("the build failed: what the compiler says stands above");
    }
    if let Some(missing) = packages.iter().find(|package| !programs.contains_key(**package)) {
        bail!("cargo built no program named {missing}");
    }
    Ok(programs)
}

/// The program that a message of cargo's tells of, if it does.
fn program(message: &str) -> Option<(String, PathBuf)> {
    let message: Value = serde_json::from_str(message).ok()?;
    let path = message.get("executable")?.as_str()?;
    let name = message.get("target")?.get("name")?.as_str()?;
    Some((name.to_owned(), PathBuf::from(path)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_found_in_cargos_messages() {
        let message =
            r#"{"reason":"compiler-artifact","target":{"name":"users","kind":["bin"]},"executable":"/t/debug/users"}"#;
        assert_eq!(program(message), Some(("users".to_owned(), "/t/debug/users".into())));
        assert_eq!(program(r#"{"reason":"compiler-artifact","target":{"name":"pg"},"executable":null}"#), None);
        assert_eq!(program("warning: nonsense"), None);
    }

    #[test]
    fn settings_of_the_person_are_handed_on_and_descriptions_of_this_package_are_not() {
        assert!(!describes_a_package("CARGO_TARGET_DIR"));
        assert!(!describes_a_package("CARGO_HOME"));
        assert!(describes_a_package("CARGO_PKG_NAME"));
        assert!(describes_a_package("CARGO_MANIFEST_DIR"));
    }
}
