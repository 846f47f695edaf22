//! Programs that need nothing but the kernel: linked with glibc inside, so that an image holds them and no system.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, bail};
use tokio::process::Command;

use crate::cargo;

/// What is compiled for. Named even though it is this machine's own, so that build scripts and macros stay dynamic.
pub(crate) const TARGET: &str = "x86_64-unknown-linux-gnu";

/// Where it is compiled, relative to the repository.
pub(crate) const FOLDER: &str = "target/images";

/// With glibc inside; functions of the same code once; relocations packed.
const FLAGS: &str = "-C target-feature=+crt-static -C link-arg=-Wl,--icf=all -C link-arg=-Wl,--pack-dyn-relocs=relr";

/// Sources, and what they are called.
#[derive(Clone, Debug)]
pub(crate) struct Sources {
    pub(crate) folder: PathBuf,
    /// The commit; with `-dirty` when the files say something else.
    pub(crate) revision: String,
    /// When the commit was made.
    pub(crate) created: String,
    /// Where they can be read.
    pub(crate) url: Option<String>,
}

impl Sources {
    pub(crate) async fn of(folder: &Path) -> Self {
        let told = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let revision = match (told("LYCEUM_REVISION"), git(folder, &["rev-parse", "HEAD"]).await) {
            (Some(revision), _) => revision,
            (None, Some(commit)) => match git(folder, &["status", "--porcelain"]).await.as_deref() {
                Some("") => commit,
                _ => format!("{commit}-dirty"),
            },
            (None, None) => "unknown".to_owned(),
        };
        let date = ["log", "-1", "--date=format-local:%Y-%m-%dT%H:%M:%SZ", "--format=%cd"];
        let created = git(folder, &date).await.unwrap_or_else(|| "1970-01-01T00:00:00Z".to_owned());
        let url = match told("CI_PROJECT_URL") {
            Some(url) => Some(url),
            // A path of this machine, or a login in an address, is nobody else's business.
            None => git(folder, &["remote", "get-url", "origin"])
                .await
                .filter(|url| url.starts_with("https://") && !url.contains('@')),
        };
        Self { folder: folder.to_owned(), revision, created, url }
    }
}

async fn git(folder: &Path, arguments: &[&str]) -> Option<String> {
    let mut command = Command::new("git");
    command.arg("-C").arg(folder).args(arguments).env("TZ", "UTC").stdin(Stdio::null()).stderr(Stdio::null());
    let output = command.output().await.ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}

/// Compiles the programs of these packages, all by one call, so that nothing is compiled twice.
///
/// In a folder of its own: whoever runs or measures optimised programs meanwhile does not wait for it.
pub(crate) async fn build(sources: &Sources, target: &Path, packages: &[&str]) -> Result<BTreeMap<String, PathBuf>> {
    let mut command = cargo::outside(&sources.folder);
    command.args(["build", "--release", "--locked", "--target", TARGET, "--target-dir"]).arg(target);
    // These two would take the place of the variable below.
    command.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
    command.env("CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUSTFLAGS", FLAGS);
    command.env("LYCEUM_REVISION", &sources.revision);
    let programs = cargo::build_with(command, packages).await?;
    for (name, path) in &programs {
        if interpreter(&std::fs::read(path)?).with_context(|| format!("{} is no program", path.display()))? {
            bail!("{name} was linked dynamically and would not start in an image without a system");
        }
    }
    Ok(programs)
}

/// Whether a program asks for a dynamic linker.
fn interpreter(elf: &[u8]) -> Option<bool> {
    const PROGRAM_HEADERS: usize = 32;
    const HEADER_SIZE: usize = 54;
    const INTERPRETER: u32 = 3;
    let short = |at: usize| Some(u16::from_le_bytes(elf.get(at..at + 2)?.try_into().ok()?));
    let long = |at: usize| Some(u64::from_le_bytes(elf.get(at..at + 8)?.try_into().ok()?));
    elf.strip_prefix(b"\x7fELF\x02")?;
    let first = usize::try_from(long(PROGRAM_HEADERS)?).ok()?;
    let size = usize::from(short(HEADER_SIZE)?);
    let mut found = false;
    for number in 0..usize::from(short(HEADER_SIZE + 2)?) {
        let at = first + number * size;
        found |= u32::from_le_bytes(elf.get(at..at + 4)?.try_into().ok()?) == INTERPRETER;
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_needs_a_linker_is_told_from_one_that_does_not() {
        // The tests themselves are linked dynamically.
        let this = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        assert_eq!(interpreter(&this), Some(true));
        let mut alone = this.clone();
        let first = usize::try_from(u64::from_le_bytes(this[32..40].try_into().unwrap())).unwrap();
        let size = usize::from(u16::from_le_bytes(this[54..56].try_into().unwrap()));
        for at in (0..usize::from(u16::from_le_bytes(this[56..58].try_into().unwrap()))).map(|n| first + n * size) {
            if alone[at] == 3 {
                alone[at] = 4;
            }
        }
        assert_eq!(interpreter(&alone), Some(false));
        assert_eq!(interpreter(b"#!/bin/sh"), None);
    }
}
