//! Programs that need nothing but the kernel: linked with glibc inside, so that an image holds them and no system.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, bail};
use tokio::process::Command;

use crate::cargo;
use crate::process::succeed;
use crate::supervisor::search_path;

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
    /// When the commit was made, in seconds since the epoch.
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
        let created = git(folder, &["log", "-1", "--format=%ct"]).await.unwrap_or_else(|| "0".to_owned());
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

/// Where cargo finds what writes into a program which crates are in it, and what writes inventories.
pub(crate) async fn path_of_tools(sources: &Sources) -> Result<String> {
    let mut command = Command::new(sources.folder.join("deploy/docker/cargo-tools"));
    cargo::forget_this_package(&mut command);
    let output = command.stderr(Stdio::inherit()).stdin(Stdio::null()).kill_on_drop(true).output().await?;
    if !output.status.success() {
        bail!("what images are made with could not be built: what the compiler says stands above");
    }
    Ok(format!("{}:{}", String::from_utf8_lossy(&output.stdout).trim(), search_path()))
}

async fn git(folder: &Path, arguments: &[&str]) -> Option<String> {
    succeed(Command::new("git").arg("-C").arg(folder).args(arguments)).await.ok()
}

/// Compiles the programs of these packages, all by one call, so that nothing is compiled twice.
///
/// In a folder of its own: whoever runs or measures optimised programs meanwhile does not wait for it.
pub(crate) async fn build(sources: &Sources, target: &Path, packages: &[&str]) -> Result<BTreeMap<String, PathBuf>> {
    let mut command = cargo::outside(&sources.folder);
    // It writes into each program which crates are in it, where scanners look for that.
    command.env("PATH", path_of_tools(sources).await?);
    command.args(["auditable", "build", "--release", "--locked", "--target", TARGET, "--target-dir"]).arg(target);
    // Panics name their files: as if the sources lay in /lyceum and those of others in /cargo, wherever they are.
    let cargo_home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let cargo_home = cargo_home.or_else(|| Some(std::env::home_dir()?.join(".cargo"))).context("HOME is not set")?;
    let places = [(&sources.folder, "/lyceum"), (&cargo_home, "/cargo")];
    let remapped = places.map(|(place, name)| format!("--remap-path-prefix={}={name}", place.display()));
    let flags: Vec<&str> = FLAGS.split(' ').chain(remapped.iter().map(String::as_str)).collect();
    // With this separator a path may hold a blank.
    command.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"));
    command.env("LYCEUM_REVISION", &sources.revision);
    command.arg("--bins").args(packages.iter().flat_map(|package| ["--package", package]));
    let programs = cargo::build_with(command, packages).await?;
    for (name, path) in &programs {
        let headers = succeed(Command::new("readelf").arg("--program-headers").arg(path)).await?;
        if headers.contains("INTERP") {
            bail!("{name} was linked dynamically and would not start in an image without a system");
        }
    }
    Ok(programs)
}
