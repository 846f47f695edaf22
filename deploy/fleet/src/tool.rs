//! Programs that Debian does not bring and that are built from the Rust registry, once for all clones of this machine.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::cargo;
use crate::progress;
use crate::supervisor::search_path;

/// Writes into a program which crates are in it.
pub(crate) const AUDITABLE: Tool = Tool { name: "cargo-auditable", version: "0.7.7" };
/// Writes inventories.
pub(crate) const CYCLONEDX: Tool = Tool { name: "cargo-cyclonedx", version: "0.5.9" };

/// How often a clone asks whether another one has built the program meanwhile.
const POLL: Duration = Duration::from_millis(300);

/// A program that cargo can install.
#[derive(Debug)]
pub(crate) struct Tool {
    name: &'static str,
    version: &'static str,
}

impl Tool {
    /// The program, if some clone built it before.
    fn found(&self) -> Option<PathBuf> {
        self.cached().ok().filter(|path| path.is_file())
    }

    /// The program, which is built if it is not here yet.
    async fn provide(&self) -> Result<PathBuf> {
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

    async fn build(&self, folder: &Path) -> Result<PathBuf> {
        println!(
            "  … building {} {} from the Rust registry: it takes some minutes, once for this machine",
            self.name, self.version
        );
        let started = Instant::now();
        // What was compiled survives Ctrl-C here and is thrown away at the end.
        let target = folder.join("build");
        let mut command = cargo::outside(folder);
        command.args(["install", self.name, "--version", self.version, "--locked", "--force", "--root"]).arg(folder);
        // On a developer's machine they wait for the disk, not for their own code: compiled in half the time, they do as well.
        let cheaper =
            [("OPT_LEVEL", "1"), ("LTO", "off"), ("CODEGEN_UNITS", "16"), ("DEBUG", "0"), ("STRIP", "symbols")];
        command.envs(cheaper.map(|(name, value)| (format!("CARGO_PROFILE_RELEASE_{name}"), value)));
        command.env("CARGO_TARGET_DIR", &target);
        let status = command.stdin(Stdio::null()).kill_on_drop(true).status().await.context("cannot start cargo")?;
        if !status.success() {
            bail!("{} could not be built: what the compiler says stands above", self.name);
        }
        fs::remove_dir_all(&target)?;
        let path = self.cached()?;
        progress::done(self.name, started.elapsed(), &format!("built, kept in {}", folder.display()));
        Ok(path)
    }

    /// Keeps two clones from building at the same time.
    async fn wait_for_lock(&self, folder: &Path) -> Result<File> {
        let file = File::create(folder.join("lock"))?;
        let mut told = false;
        while let Err(TryLockError::WouldBlock) = file.try_lock() {
            if !std::mem::replace(&mut told, true) {
                println!("  … another clone is building {}: waiting for it", self.name);
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
