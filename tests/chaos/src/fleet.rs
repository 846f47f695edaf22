//! The running fleet from outside: its processes, its databases, and the points that are armed.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use anyhow::{Context, Result, bail, ensure};
use people::{Pace, School};
use reqwest::{Client, Method};
use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;
use sqlx::{PgPool, postgres::PgPoolOptions};

use crate::{learner::Steps, point::Point};

/// How often something is asked again that cannot tell by itself.
pub const POLL: Duration = Duration::from_millis(50);
/// How often something is asked again that costs the fleet some work, such as a page that a learner looks at anew.
const GLANCE: Duration = Duration::from_millis(150);
/// No process is started again sooner after its end, and clocks are not read more precisely.
const SOONEST: Duration = Duration::from_millis(25);
/// How long anything may take to come back.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// What `cargo fleet` writes for the tests.
#[derive(Debug, Deserialize)]
struct Addresses {
    home: PathBuf,
    launcher: PathBuf,
    databases: BTreeMap<String, String>,
}

/// A process, as the launcher's list has it.
#[derive(Debug, Clone, Deserialize)]
pub struct Process {
    pub name: String,
    pub pid: i32,
    /// In clock ticks since the machine started.
    started: u64,
    ports: Vec<u16>,
    admin: Option<u16>,
    #[serde(default)]
    pub restarts: u32,
}

impl Process {
    fn started_at(&self) -> Result<SystemTime> {
        let uptime = fs::read_to_string("/proc/uptime")?;
        let uptime: f64 = uptime.split(' ').next().unwrap_or_default().parse()?;
        let up_at_start = Duration::from_millis(self.started * 1_000 / rustix::param::clock_ticks_per_second());
        Ok(SystemTime::now() - Duration::from_secs_f64(uptime).saturating_sub(up_at_start))
    }
}

/// Whom a process has started.
fn children(parent: i32) -> Result<Vec<i32>> {
    let all = fs::read_dir("/proc")?.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    Ok(all.filter(|pid| stat(*pid).is_some_and(|(_, started_by)| started_by == parent)).collect())
}

/// A process's state and who started it; nothing if it is gone.
fn stat(pid: i32) -> Option<(String, i32)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold blanks; what counts stands behind it.
    let mut fields = stat.rsplit(')').next()?.split_whitespace();
    Some((fields.next()?.to_owned(), fields.next()?.parse().ok()?))
}

/// The stores' doors, from `stores.json`.
#[derive(Debug, Clone, Deserialize)]
pub struct Stores {
    pub postgres: String,
    pub redis: String,
    pub amqp: String,
    pub rabbitmq_management: String,
}

/// Everything that the scenarios act upon.
#[derive(Debug)]
pub struct Fleet {
    /// The school as its people see it.
    pub school: School,
    /// What they did so far.
    pub steps: Arc<Steps>,
    addresses: Addresses,
    pub stores: Stores,
    pub http: Client,
    databases: BTreeMap<String, PgPool>,
    superuser: PgPool,
}

impl Fleet {
    /// The fleet that `LYCEUM_FLEET` and `LYCEUM_STORES` describe.
    pub fn find() -> Result<Self> {
        let path = |name: &str| {
            let path = std::env::var_os(name).map(PathBuf::from);
            path.with_context(|| format!("{name} is not set: run `cargo fleet test chaos`"))
        };
        let read = |path: &Path| fs::read(path).with_context(|| format!("cannot read {}", path.display()));
        let described = path("LYCEUM_FLEET")?;
        let addresses: Addresses = serde_json::from_slice(&read(&described)?)?;
        let stores: Stores = serde_json::from_slice(&read(&path("LYCEUM_STORES")?)?)?;
        let steps = Arc::new(Steps::default());
        let school = School::of_file(&described, Pace::PATIENT)?.with_listener(steps.clone());
        // Connections come and go with the server, so that none is opened before it is needed.
        let pool = |url: &str| {
            let options = PgPoolOptions::new().max_connections(2).acquire_timeout(Duration::from_secs(5));
            options.connect_lazy(url)
        };
        let databases = addresses.databases.iter().map(|(name, url)| Ok((name.clone(), pool(url)?)));
        let databases = databases.collect::<Result<_>>()?;
        let superuser = pool(&stores.postgres)?;
        let http = Client::builder().timeout(Duration::from_secs(20)).no_proxy().build()?;
        Ok(Self { school, steps, addresses, stores, http, databases, superuser })
    }

    /// The database of a service.
    pub fn database(&self, service: &str) -> Result<&PgPool> {
        self.databases.get(service).with_context(|| format!("{service} has no database"))
    }

    /// Every database with its service.
    pub fn databases(&self) -> impl Iterator<Item = (&str, &PgPool)> {
        self.databases.iter().map(|(name, pool)| (name.as_str(), pool))
    }

    /// PostgreSQL as its superuser.
    pub fn superuser(&self) -> &PgPool {
        &self.superuser
    }

    /// All processes, running or not.
    pub fn processes(&self) -> Result<Vec<Process>> {
        let path = self.addresses.home.join("processes.json");
        let text = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(serde_json::from_slice(&text)?)
    }

    /// One of them.
    pub fn process(&self, name: &str) -> Result<Process> {
        let found = self.processes()?.into_iter().find(|process| process.name == name);
        found.with_context(|| format!("there is no process {name}"))
    }

    /// The pids of all services, to see afterwards that none was started again.
    pub fn pids(&self) -> Result<BTreeMap<String, i32>> {
        Ok(self.processes()?.into_iter().filter(|one| one.admin.is_some()).map(|one| (one.name, one.pid)).collect())
    }

    /// Kills a process as a power cut would, and says when.
    pub fn kill(&self, name: &str) -> Result<SystemTime> {
        let pid = Pid::from_raw(self.process(name)?.pid).context("a pid is not zero")?;
        let now = SystemTime::now();
        kill_process(pid, Signal::KILL).with_context(|| format!("cannot kill {name}"))?;
        Ok(now)
    }

    /// The same, and waits until nobody is left whom it had started: a database's backends go on until they miss their server.
    pub async fn kill_with_children(&self, name: &str) -> Result<SystemTime> {
        let pid = self.process(name)?.pid;
        // Whoever stands still starts nobody else meanwhile.
        kill_process(Pid::from_raw(pid).context("a pid is not zero")?, Signal::STOP)?;
        let children = children(pid)?;
        let died_at = self.kill(name)?;
        eventually(PATIENCE, async || {
            let left = children.iter().filter(|child| stat(**child).is_some_and(|(state, _)| state != "Z")).count();
            ensure!(left == 0, "{left} processes of {name} are left");
            Ok(())
        })
        .await?;
        Ok(died_at)
    }

    /// What a process has printed so far.
    pub fn log(&self, name: &str) -> Result<String> {
        let path = self.addresses.home.join("logs").join(name).with_extension("log");
        let log = fs::read(&path).with_context(|| path.display().to_string())?;
        Ok(String::from_utf8_lossy(&log).into_owned())
    }

    /// Keeps a process from being started again until [`Fleet::release`].
    pub fn hold(&self, name: &str) -> Result<()> {
        let folder = self.addresses.home.join("held");
        fs::create_dir_all(&folder)?;
        Ok(fs::write(folder.join(name), "")?)
    }

    pub fn release(&self, name: &str) -> Result<()> {
        match fs::remove_file(self.addresses.home.join("held").join(name)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Waits until a process that died then runs again and serves. Says how long it was away.
    pub async fn comes_back(&self, name: &str, died_at: SystemTime) -> Result<Duration> {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            let now = self.process(name)?;
            if now.started_at()? > died_at + SOONEST && self.serves(&now).await {
                return Ok(died_at.elapsed().unwrap_or_default());
            }
            tokio::time::sleep(POLL).await;
        }
        bail!("{name} did not come back within {} s", PATIENCE.as_secs())
    }

    /// When the process that runs now was started. What its dead forerunner had in hand was claimed before; the moment of its death
    /// itself is known less exactly than a claim's, because files tell the time in ticks and a process dies a little after its mark.
    pub fn started_at(&self, name: &str) -> Result<SystemTime> {
        self.process(name)?.started_at()
    }

    /// Waits until everything serves.
    pub async fn all_serve(&self) -> Result<()> {
        eventually(PATIENCE, async || {
            for process in self.processes()? {
                ensure!(self.serves(&process).await, "{} does not serve", process.name);
            }
            Ok(())
        })
        .await
    }

    async fn serves(&self, process: &Process) -> bool {
        if let Some(admin) = process.admin {
            let asked = self.http.get(format!("http://127.0.0.1:{admin}/readyz")).timeout(Duration::from_secs(2));
            return asked.send().await.is_ok_and(|answer| answer.status().is_success());
        }
        match process.name.as_str() {
            "postgres" => sqlx::query("select 1").execute(self.superuser()).await.is_ok(),
            "rabbitmq" => self.broker(Method::GET, "health/checks/local-alarms", None).await.is_ok(),
            _ => match process.ports.first() {
                Some(port) => tokio::net::TcpStream::connect(("127.0.0.1", *port)).await.is_ok(),
                None => true,
            },
        }
    }

    fn failpoint(&self, point: &Point, state: &str) -> PathBuf {
        self.addresses.home.join("failpoints").join(&point.process).join(format!("{}.{state}", point.name))
    }

    /// Has a process die the next time that it comes by.
    pub fn arm(&self, point: &Point) -> Result<()> {
        let _ = fs::remove_file(self.failpoint(point, "fired"));
        let path = self.failpoint(point, "armed");
        fs::write(&path, "").with_context(|| format!("cannot write {}", path.display()))
    }

    /// Whether it was armed, and perhaps struck already.
    pub fn is_armed(&self, point: &Point) -> bool {
        self.failpoint(point, "armed").exists() || self.fired(point).is_some()
    }

    /// Takes a point back, whether anybody came by or not.
    pub fn disarm(&self, point: &Point) {
        for state in ["armed", "fired"] {
            // What is not there was never armed, or nobody came by.
            let _ = fs::remove_file(self.failpoint(point, state));
        }
    }

    /// When a process died there, if it did since the point was armed.
    pub fn fired(&self, point: &Point) -> Option<SystemTime> {
        // The file is the one that was armed, renamed: the change of its name is the moment.
        use std::os::unix::fs::MetadataExt;
        let data = fs::metadata(self.failpoint(point, "fired")).ok()?;
        let nanoseconds = u32::try_from(data.ctime_nsec()).ok()?;
        Some(SystemTime::UNIX_EPOCH + Duration::new(u64::try_from(data.ctime()).ok()?, nanoseconds))
    }

    /// Whether any process ever came by.
    pub fn visited(&self, point: &Point) -> bool {
        self.failpoint(point, "visited").exists()
    }

    /// Runs the launcher for this fleet and hands back what it printed.
    pub async fn launcher(&self, arguments: &[&str]) -> Result<String> {
        let mut command = tokio::process::Command::new(&self.addresses.launcher);
        command
            .arg("--at")
            .arg(&self.addresses.home)
            .args(arguments)
            .env("CARGO_MANIFEST_DIR", env!("CARGO_MANIFEST_DIR"))
            .kill_on_drop(true);
        let output = command.output().await.context("cannot start the launcher")?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        if !output.status.success() {
            bail!("cargo fleet {} failed: {text}{}", arguments.join(" "), String::from_utf8_lossy(&output.stderr));
        }
        Ok(text)
    }
}

/// Asks until the answer is good. What was wrong last becomes the error when it takes too long.
pub async fn eventually<T>(limit: Duration, mut probe: impl AsyncFnMut() -> Result<T>) -> Result<T> {
    let deadline = Instant::now() + limit;
    loop {
        match probe().await {
            Ok(found) => return Ok(found),
            Err(error) if Instant::now() > deadline => {
                return Err(error.context(format!("not within {} s", limit.as_secs())));
            }
            Err(_) => tokio::time::sleep(GLANCE).await,
        }
    }
}
