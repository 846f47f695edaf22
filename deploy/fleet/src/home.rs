//! Where the launcher keeps things: the repository's root, `.fleet/` in it, and what is remembered there between runs.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom, SystemRandom};
use serde::{Deserialize, Serialize};

use crate::account::is_root;
use crate::stores::Versions;

/// A folder that holds one fleet: its stores, keys, logs and memory.
#[derive(Clone, Debug)]
pub(crate) struct Home {
    root: PathBuf,
    dir: PathBuf,
    for_tests: bool,
    /// Which versions of the stores are asked for.
    pub(crate) versions: Option<Versions>,
}

/// The fleets beside the one that people use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Other {
    /// Of `cargo fleet test`.
    Test,
    /// Of `cargo fleet bench`: optimised programs.
    Bench,
    /// Of `cargo fleet chaos`: the matrix takes long, and tests may run beside it.
    Chaos,
    /// Of `cargo fleet drill`: two of its services have database servers of their own.
    Drill,
    /// The newest stores alone, for the libs that speak to them.
    Newest,
    /// The stores and the outside world of `cargo fleet test cluster`, whose services run elsewhere.
    Cluster,
}

impl Other {
    /// Those that a killed command may have left running.
    pub(crate) const ALL: [Self; 5] = [Self::Test, Self::Bench, Self::Chaos, Self::Drill, Self::Newest];
}

impl Home {
    /// Finds the repository from what cargo says, or upwards from the current folder.
    pub(crate) fn find() -> Result<Self> {
        let candidates: Vec<PathBuf> = match std::env::var_os("CARGO_MANIFEST_DIR") {
            Some(manifest) => vec![Path::new(&manifest).join("../..")],
            None => std::env::current_dir()?.ancestors().map(Path::to_owned).collect(),
        };
        let root = candidates
            .into_iter()
            .find(|folder| folder.join("deploy/fleet/Cargo.toml").is_file())
            .context("this is not inside Lyceum's repository: run `cargo fleet` in a clone of it")?;
        let root = root.canonicalize()?;
        Ok(Self { dir: root.join(".fleet"), root, for_tests: false, versions: None })
    }

    /// Another fleet of the same repository, which the command that starts it may wipe; it has the limits of tests.
    pub(crate) fn other(&self, which: Other) -> Self {
        let name = format!("{which:?}").to_lowercase();
        let newest = matches!(which, Other::Chaos | Other::Drill | Other::Newest) && is_root();
        let versions = self.versions.or(newest.then_some(Versions::Newest));
        Self { root: self.root.clone(), dir: self.root.join(".fleet").join(name), for_tests: true, versions }
    }

    /// Services whose databases stand on servers of their own, as a school sets personal data and money apart.
    pub(crate) fn servers_apart(&self) -> &'static [&'static str] {
        if self.dir.ends_with(".fleet/drill") { &["payments", "users"] } else { &[] }
    }

    /// The fleet in this folder. Any but the one that people use may be wiped.
    pub(crate) fn of(self, dir: PathBuf) -> Self {
        Self { for_tests: dir != self.dir, dir, ..self }
    }

    /// A fleet for a unit test, in a folder of its own.
    #[cfg(test)]
    pub(crate) fn for_unit_test(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("fleet-{name}-{}", std::process::id()));
        let home = Self { root: dir.clone(), dir, for_tests: true, versions: None };
        home.prepare().unwrap();
        home
    }

    /// Removes a fleet whose processes do not run.
    pub(crate) fn remove(&self) -> Result<()> {
        crate::account::remove_data(self)?;
        match fs::remove_dir_all(&self.dir) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(error).with_context(|| format!("cannot remove {}", self.dir.display()))
            }
            _ => Ok(()),
        }
    }

    /// Whether this is the fleet that tests wipe.
    pub(crate) fn is_for_tests(&self) -> bool {
        self.for_tests
    }

    /// The repository's root.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The fleet's folder.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// A file or folder of the fleet.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Where a process writes its output.
    pub(crate) fn log(&self, process: &str) -> PathBuf {
        self.dir.join("logs").join(format!("{process}.log"))
    }

    /// Where the points are armed at which a process of the fleet is to die.
    pub(crate) fn failpoints(&self, process: &str) -> PathBuf {
        self.path("failpoints").join(process)
    }

    /// Makes the fleet's folders. The folder itself is open to others, because the stores' user must pass; what is secret is not.
    pub(crate) fn prepare(&self) -> Result<()> {
        for folder in [self.dir.clone(), self.path("logs"), self.path("keys")] {
            fs::create_dir_all(&folder).with_context(|| {
                format!("cannot create {}: a fleet keeps everything in its clone", folder.display())
            })?;
        }
        fs::set_permissions(self.path("keys"), fs::Permissions::from_mode(0o700))?;
        Ok(())
    }

    /// A short name of this folder that stays the same: tells the fleets of several clones apart.
    pub(crate) fn fingerprint(&self) -> String {
        let mut name = hex::encode(digest(&SHA256, self.dir.as_os_str().as_encoded_bytes()));
        name.truncate(8);
        name
    }

    /// The first port that this fleet tries. Each folder has its own block below the range that the kernel gives to clients.
    pub(crate) fn first_port(&self) -> u16 {
        let hash = digest(&SHA256, self.dir.as_os_str().as_encoded_bytes());
        20_000 + u16::from(hash.as_ref()[0] % 110) * 100
    }

    /// Keeps other commands from starting or stopping the same fleet at the same time.
    pub(crate) fn lock(&self) -> Result<File> {
        self.prepare()?;
        let file = File::create(self.path("lock"))?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => {
                bail!("another `cargo fleet` command is at work in {}: wait until it is done", self.dir.display())
            }
            Err(TryLockError::Error(error)) => Err(error).context("cannot lock .fleet/lock"),
        }
    }
}

/// What is remembered between runs, so that a second `up` finds its state again.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct State {
    /// Ports by purpose, such as `gateway.http`.
    pub(crate) ports: BTreeMap<String, u16>,
    /// Passwords of the stores and of the demo school, made once.
    pub(crate) secrets: BTreeMap<String, String>,
    /// Which version of ours made the demo school, if any.
    pub(crate) seeded: Option<String>,
    /// Which versions of the stores wrote their data, if not this machine's own.
    #[serde(default)]
    pub(crate) versions: Option<Versions>,
}

impl State {
    pub(crate) fn load(home: &Home) -> Result<Self> {
        read_json(&home.path("state.json")).map(Option::unwrap_or_default)
    }

    pub(crate) fn save(&self, home: &Home) -> Result<()> {
        write_json(&home.path("state.json"), self)
    }

    /// A secret by name, made at its first use: 32 hexadecimal digits.
    pub(crate) fn secret(&mut self, name: &str) -> Result<String> {
        if let Some(known) = self.secrets.get(name) {
            return Ok(known.clone());
        }
        let fresh = random_hex(16)?;
        self.secrets.insert(name.to_owned(), fresh.clone());
        Ok(fresh)
    }
}

/// So many random bytes, as twice as many hexadecimal digits.
pub(crate) fn random_hex(bytes: usize) -> Result<String> {
    let mut buffer = vec![0; bytes];
    SystemRandom::new().fill(&mut buffer).ok().context("the system gives no random numbers")?;
    Ok(hex::encode(buffer))
}

/// Reads a file of ours; `None` when there is none.
pub(crate) fn read_json<T: for<'a> Deserialize<'a>>(path: &Path) -> Result<Option<T>> {
    match fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .map(Some)
            .with_context(|| format!("{} is damaged: remove it, or restore it from a copy", path.display())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

/// Writes a file that only its owner may read, whole or not at all.
pub(crate) fn write_json(path: &Path, value: &impl Serialize) -> Result<()> {
    let mut text = serde_json::to_vec_pretty(value)?;
    text.push(b'\n');
    write_private(path, &text)
}

/// Writes a file that only its owner may read, whole or not at all.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> Result<()> {
    let draft = path.with_extension("new");
    let write = || -> std::io::Result<()> {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&draft, path)
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}
