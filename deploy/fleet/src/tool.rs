//! Programs that Debian does not bring and that are built from the Rust registry, once for all clones of this machine.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::cargo;
use crate::package::find_program;
use crate::progress;
use crate::supervisor::search_path;

/// The S3 server: of which version, and with which of its parts.
pub(crate) const GARAGE: Tool = Tool {
    title: "Garage",
    name: "garage",
    version: "2.5.0",
    arguments: &["--no-default-features", "--features", "bundled-libs,lmdb"],
    tells_version: true,
};
/// Writes into a program which crates are in it.
pub(crate) const AUDITABLE: Tool = of_cargo("cargo-auditable", "0.7.7");
/// Writes inventories.
pub(crate) const CYCLONEDX: Tool = of_cargo("cargo-cyclonedx", "0.5.9");

const fn of_cargo(name: &'static str, version: &'static str) -> Tool {
    Tool { title: name, name, version, arguments: &[], tells_version: false }
}

/// How often a clone asks whether another one has built the program meanwhile.
const POLL: Duration = Duration::from_millis(300);

/// A program that cargo can install.
#[derive(Debug)]
pub(crate) struct Tool {
    pub(crate) title: &'static str,
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
    arguments: &'static [&'static str],
    /// Whether it says by `--version` which one it is, so that one in the PATH can be taken.
    tells_version: bool,
}

impl Tool {
    /// The program, if it is here: in the PATH, or built by some clone before.
    pub(crate) fn found(&self) -> Option<PathBuf> {
        let places = [find_program(self.name).filter(|_| self.tells_version), self.cached().ok()];
        places.into_iter().flatten().find(|path| self.is_right(path))
    }

    /// The program, which is built if it is not here yet.
    pub(crate) async fn provide(&self) -> Result<PathBuf> {
        if let Some(path) = self.found() {
            return Ok(path);
        }
        let folder = self.folder()?;
        fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
        let _lock = self.wait_for_lock(&folder).await?;
        // Another clone may have built it while this one waited.
        match self.found() {
            Some(path) => Ok(path),
            None => self.build(&folder).await,
        }
    }

    /// Where cargo finds it as a subcommand of its own; it is built if it is not here yet.
    pub(crate) async fn search_path(&self) -> Result<String> {
        let program = self.provide().await?;
        let folder = program.parent().context("a program lies in a folder")?;
        Ok(format!("{}:{}", folder.display(), search_path()))
    }

    /// Whether a program of this name is the wanted one, and runs on this machine.
    fn is_right(&self, path: &Path) -> bool {
        if !self.tells_version {
            return path.is_file();
        }
        let output = std::process::Command::new(path).arg("--version").stdin(Stdio::null()).output();
        output.is_ok_and(|output| {
            output.status.success() && names_version(&String::from_utf8_lossy(&output.stdout), self.version)
        })
    }

    async fn build(&self, folder: &Path) -> Result<PathBuf> {
        println!(
            "  … building {} {} from the Rust registry: it takes some minutes, once for this machine",
            self.title, self.version
        );
        let started = Instant::now();
        // What was compiled survives Ctrl-C here and is thrown away at the end.
        let target = folder.join("build");
        let mut command = cargo::outside(folder);
        command.args(["install", self.name, "--version", self.version, "--locked", "--force", "--root"]).arg(folder);
        command.args(self.arguments);
        // On a developer's machine they wait for the disk, not for their own code: compiled in half the time, they do as well.
        let cheaper =
            [("OPT_LEVEL", "1"), ("LTO", "off"), ("CODEGEN_UNITS", "16"), ("DEBUG", "0"), ("STRIP", "symbols")];
        command.envs(cheaper.map(|(name, value)| (format!("CARGO_PROFILE_RELEASE_{name}"), value)));
        command.env("CARGO_TARGET_DIR", &target);
        let status = command.stdin(Stdio::null()).kill_on_drop(true).status().await.context("cannot start cargo")?;
        if !status.success() {
            bail!("{} could not be built: what the compiler says stands above", self.title);
        }
        fs::remove_dir_all(&target)?;
        let path = self.cached()?;
        if !self.is_right(&path) {
            bail!("{} was built and does not run", path.display());
        }
        progress::done(self.title, started.elapsed(), &format!("built, kept in {}", folder.display()));
        Ok(path)
    }

    /// Keeps two clones from building at the same time.
    async fn wait_for_lock(&self, folder: &Path) -> Result<File> {
        let file = File::create(folder.join("lock"))?;
        let mut told = false;
        while let Err(TryLockError::WouldBlock) = file.try_lock() {
            if !std::mem::replace(&mut told, true) {
                println!("  … another clone is building {}: waiting for it", self.title);
            }
            tokio::time::sleep(POLL).await;
        }
        Ok(file)
    }

    fn cached(&self) -> Result<PathBuf> {
        Ok(self.folder()?.join("bin").join(self.name))
    }

    /// Outside of the clone, so that a fresh one does not build again.
    fn folder(&self) -> Result<PathBuf> {
        let variable = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let cache = variable("XDG_CACHE_HOME").or_else(|| variable("HOME").map(|home| home.join(".cache")));
        let cache = cache.context("HOME is not set, so there is no place for programs that are built once")?;
        Ok(cache.join("lyceum").join(format!("{}-{}", self.name, self.version)))
    }
}

/// Whether what a program says about itself holds this very version, such as `garage cargo:2.5.0 [features: …]`.
fn names_version(text: &str, version: &str) -> bool {
    text.split(|c: char| !c.is_ascii_digit() && c != '.').any(|word| word == version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_version_is_not_taken_for_the_wanted_one() {
        assert!(names_version("garage cargo:2.5.0 [features: bundled-libs, lmdb]", "2.5.0"));
        assert!(names_version("garage v2.5.0", "2.5.0"));
        assert!(!names_version("garage cargo:2.5.01", "2.5.0"));
        assert!(!names_version("garage cargo:12.5.0", "2.5.0"));
        assert!(!names_version("", "2.5.0"));
    }

    #[test]
    fn a_program_that_does_not_run_is_not_the_right_one() {
        assert!(!GARAGE.is_right(Path::new("/nonexistent/garage")));
        assert!(!GARAGE.is_right(Path::new("/bin/false")));
    }
}
