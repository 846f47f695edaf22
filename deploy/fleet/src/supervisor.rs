//! Starts processes, waits until they are ready, notices when they end, and stops what this command started.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use rustix::process::Signal;
use tokio::process::{Child, Command};

use crate::account::Account;
use crate::home::Home;
use crate::ledger::{self, Record, Role};
use crate::log;
use crate::process::{Identity, show_status};
use crate::progress::show;

/// How often something is asked again that cannot tell by itself.
const POLL: Duration = Duration::from_millis(30);
/// How long after its end a process is started again: at first, and when it keeps ending.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// Who ran so long has started well.
const WELL: Duration = Duration::from_secs(2);
/// How long a process may take to stop before it is killed.
const PATIENCE: Duration = Duration::from_secs(30);

/// What to start.
#[derive(Clone, Debug)]
pub(crate) struct Launch {
    pub(crate) name: String,
    pub(crate) role: Role,
    pub(crate) program: PathBuf,
    pub(crate) args: Vec<String>,
    /// The whole environment, but for a PATH: nothing leaks in from the caller's.
    pub(crate) env: Vec<(String, String)>,
    pub(crate) dir: PathBuf,
    /// As whom, if not as the caller.
    pub(crate) account: Option<Account>,
    /// The other Debian release that the program is of; only with an account.
    pub(crate) root: Option<PathBuf>,
    pub(crate) ports: Vec<u16>,
    pub(crate) admin: Option<u16>,
}

impl Launch {
    /// A program that is told nothing and listens nowhere, in a folder.
    pub(crate) fn new(name: &str, role: Role, program: impl Into<PathBuf>, dir: impl Into<PathBuf>) -> Self {
        Self {
            name: name.to_owned(),
            role,
            program: program.into(),
            args: vec![],
            env: vec![],
            dir: dir.into(),
            account: None,
            root: None,
            ports: vec![],
            admin: None,
        }
    }

    /// The same with these variables.
    pub(crate) fn with_env(self, env: impl IntoIterator<Item = (&'static str, String)>) -> Self {
        Self { env: env.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(), ..self }
    }

    /// A command for this program with its environment; also for its subcommands, which are not supervised.
    pub(crate) fn command(&self) -> Command {
        let mut command = match (&self.account, &self.root) {
            (Some(account), Some(root)) => {
                let mut command = Command::new(root.join("enter"));
                command.arg(format!("{}:{}", account.uid, account.gid)).arg(&self.program);
                command
            }
            _ => Command::new(&self.program),
        };
        if let (Some(account), None) = (&self.account, &self.root) {
            command.uid(account.uid).gid(account.gid);
        }
        command.args(&self.args).env_clear().env("PATH", search_path()).envs(self.env.iter().cloned());
        command.current_dir(&self.dir);
        command
    }
}

/// Where programs are looked for. Administrators' folders come last, because some shells of ordinary users lack them.
pub(crate) fn search_path() -> String {
    let inherited = std::env::var("PATH").unwrap_or_default();
    format!("{inherited}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin")
}

/// The processes of one fleet, of which some may have been started by an earlier command.
#[derive(Debug)]
pub(crate) struct Supervisor {
    home: Home,
    children: BTreeMap<String, Child>,
    /// What this command started, to start it again.
    lives: BTreeMap<String, Life>,
}

impl Supervisor {
    pub(crate) fn new(home: &Home) -> Self {
        Self { home: home.clone(), children: BTreeMap::new(), lives: BTreeMap::new() }
    }

    /// Starts a process and writes it into the ledger. It outlives this command unless it is stopped.
    pub(crate) fn start(&mut self, launch: &Launch) -> Result<()> {
        log::keep_last(&self.home.log(&launch.name))?;
        self.spawn(launch, 0)?;
        self.lives.insert(launch.name.clone(), Life::begin(launch.clone()));
        Ok(())
    }

    /// Starts a process, whose log is continued if there is one.
    fn spawn(&mut self, launch: &Launch, restarts: u32) -> Result<()> {
        let path = self.home.log(&launch.name);
        let log = File::options().create(true).append(true).open(&path);
        let log = log.with_context(|| format!("cannot write {}", path.display()))?;
        log.set_permissions(fs::Permissions::from_mode(0o600))?;
        let mut command = launch.command();
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        // A group of its own: Ctrl-C goes to the launcher alone, which stops everything in the right order.
        command.process_group(0);
        let child = command.spawn().with_context(|| format!("cannot start {}", launch.program.display()))?;
        let identity = child.id().and_then(Identity::of).with_context(|| format!("{} ended at once", launch.name))?;
        self.children.insert(launch.name.clone(), child);
        ledger::add(
            &self.home,
            Record {
                name: launch.name.clone(),
                role: launch.role,
                identity,
                ports: launch.ports.clone(),
                admin: launch.admin,
                log: path,
                program: launch.program.clone(),
                restarts,
            },
        )
    }

    /// Asks until the answer is yes. A process that ends meanwhile, or takes too long, is an error that names its log.
    pub(crate) async fn wait_until(
        &mut self,
        name: &str,
        limit: Duration,
        is_ready: impl AsyncFn() -> bool,
    ) -> Result<()> {
        let deadline = Instant::now() + limit;
        loop {
            if is_ready().await {
                return Ok(());
            }
            if let Some(death) = self.died(name)? {
                bail!(death);
            }
            if Instant::now() > deadline {
                let log = self.home.log(name);
                bail!("{name} is not ready after {} s\n{}", limit.as_secs(), log::excerpt(&log));
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// What happened to a process that this command started and did not stop, if it ended.
    pub(crate) fn died(&mut self, name: &str) -> Result<Option<anyhow::Error>> {
        let Some(child) = self.children.get_mut(name) else {
            let gone = ledger::running(&self.home, name)?.is_none();
            return Ok(gone.then(|| anyhow!("{name} ended\n{}", log::excerpt(&self.home.log(name)))));
        };
        let status = child.try_wait()?;
        Ok(status
            .map(|status| anyhow!("{name} ended: {}\n{}", show_status(status), log::excerpt(&self.home.log(name)))))
    }

    /// Starts again what ends by itself, after a pause that grows while it keeps ending, as Kubernetes does; for ever.
    pub(crate) async fn tend(&mut self) -> Result<Infallible> {
        loop {
            self.tend_once()?;
            tokio::time::sleep(POLL).await;
        }
    }

    fn tend_once(&mut self) -> Result<()> {
        let names: Vec<String> = self.children.keys().cloned().collect();
        for name in names {
            let Some(status) = self.children.get_mut(&name).map(Child::try_wait).transpose()?.flatten() else {
                continue;
            };
            // Until it runs again it stays in the ledger, where `status` shows it as crashed.
            self.children.remove(&name);
            let Some(life) = self.lives.get_mut(&name) else { continue };
            let pause = life.ended(Instant::now());
            let log = self.home.log(&name);
            // Who was killed by somebody else had nothing to say about it.
            let last_words =
                if status.signal().is_some() { String::new() } else { format!("\n{}", log::excerpt(&log)) };
            let (status, pause) = (show_status(status), show(pause));
            println!("  ! {name} ended: {status}; it is started again after {pause}{last_words}");
        }
        // A test may want something to stay away for a while.
        let held = self.home.path("held");
        let free = self.lives.values_mut().filter(|life| !held.join(&life.launch.name).exists());
        let due: Vec<(Launch, u32)> = free.filter_map(|life| life.take_due(Instant::now())).collect();
        for (launch, restarts) in due {
            if let Err(error) = self.spawn(&launch, restarts) {
                let pause = self.lives.get_mut(&launch.name).map(|life| life.ended(Instant::now()));
                println!("  ! {}: {error:#}; the next try is after {}", launch.name, show(pause.unwrap_or_default()));
            }
        }
        Ok(())
    }

    /// How often processes were started again by this command.
    pub(crate) fn restarts(&self) -> BTreeMap<String, u32> {
        let again = self.lives.iter().filter(|(_, life)| life.restarts > 0);
        again.map(|(name, life)| (name.clone(), life.restarts)).collect()
    }

    /// Whether there is anything that this command would have to stop.
    pub(crate) fn has_started_anything(&self) -> bool {
        !self.children.is_empty()
    }

    /// Whether this very command started the process.
    pub(crate) fn started(&self, name: &str) -> bool {
        self.children.contains_key(name)
    }

    /// Stops what this command started, and nothing else.
    pub(crate) async fn stop_started(&mut self) -> Result<Vec<String>> {
        let started: Vec<Record> =
            ledger::read(&self.home)?.into_iter().filter(|record| self.children.contains_key(&record.name)).collect();
        self.stop(started).await
    }

    /// Stops every recorded process of the fleet, whoever started it.
    pub(crate) async fn stop_all(&mut self) -> Result<Vec<String>> {
        self.stop(ledger::read(&self.home)?).await
    }

    /// Stops services, then the sandbox, then the stores; those of one kind at once. Tells what had to be killed.
    pub(crate) async fn stop(&mut self, records: Vec<Record>) -> Result<Vec<String>> {
        let mut killed = Vec::new();
        for role in [Role::Launcher, Role::Service, Role::Sandbox, Role::Store, Role::Support] {
            let group: Vec<&Record> = records.iter().filter(|record| record.role == role).collect();
            for record in &group {
                record.identity.signal(record.stop_signal());
            }
            // A launcher stops its own fleet first, which is everything below once more.
            let patience = if role == Role::Launcher { PATIENCE * 4 } else { PATIENCE };
            let deadline = Instant::now() + patience;
            while group.iter().any(|record| record.identity.is_alive()) && Instant::now() < deadline {
                tokio::time::sleep(POLL).await;
            }
            for record in group {
                if record.identity.is_alive() {
                    record.identity.signal(Signal::KILL);
                    killed.push(record.name.clone());
                }
                if let Some(mut child) = self.children.remove(&record.name) {
                    child.wait().await?;
                }
                ledger::remove(&self.home, &record.name)?;
            }
        }
        Ok(killed)
    }

    /// Forgets processes that crashed: whoever stops the fleet has seen it.
    pub(crate) fn forget_the_dead(&self) -> Result<()> {
        for record in ledger::read(&self.home)?.iter().filter(|record| !record.identity.is_alive()) {
            ledger::remove(&self.home, &record.name)?;
        }
        Ok(())
    }

    /// Kills at once what this command started; for the second Ctrl-C. The stores lose nothing by it.
    pub(crate) async fn kill_started(&mut self) -> Result<()> {
        for (name, mut child) in std::mem::take(&mut self.children) {
            child.kill().await?;
            ledger::remove(&self.home, &name)?;
        }
        Ok(())
    }
}

/// A process over all its restarts.
#[derive(Debug)]
struct Life {
    launch: Launch,
    /// When it was started last.
    since: Instant,
    /// When it is to be started again.
    due: Option<Instant>,
    pause: Duration,
    restarts: u32,
}

impl Life {
    fn begin(launch: Launch) -> Self {
        Self { launch, since: Instant::now(), due: None, pause: FIRST_PAUSE, restarts: 0 }
    }

    /// Notes the end and tells after which pause it is started again. One that ran well for a while has no past.
    fn ended(&mut self, now: Instant) -> Duration {
        let has_run_well = now.duration_since(self.since) >= WELL;
        self.pause = if has_run_well { FIRST_PAUSE } else { (self.pause * 2).min(LONGEST_PAUSE) };
        self.due = Some(now + self.pause);
        self.pause
    }

    /// What to start now, and how often that has happened, if it is time.
    fn take_due(&mut self, now: Instant) -> Option<(Launch, u32)> {
        self.due.take_if(|due| *due <= now)?;
        self.since = now;
        self.restarts += 1;
        Some((self.launch.clone(), self.restarts))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn launch(name: &str, script: &str) -> Launch {
        let launch = Launch::new(name, Role::Service, "/bin/sh", "/").with_env([("GREETING", "hello".to_owned())]);
        Launch { args: vec!["-c".to_owned(), script.to_owned()], ..launch }
    }

    #[tokio::test]
    async fn a_process_that_ends_before_it_is_ready_is_reported_with_status_log_and_last_lines() {
        let home = Home::for_unit_test("crash");
        let mut supervisor = Supervisor::new(&home);
        supervisor.start(&launch("users", "echo $GREETING; echo the cause >&2; exit 3")).unwrap();
        let error =
            supervisor.wait_until("users", Duration::from_secs(10), async || false).await.unwrap_err().to_string();
        assert!(error.contains("users ended: exit status 3"), "{error}");
        assert!(error.contains("hello") && error.contains("the cause"), "{error}");
        assert!(error.contains(&home.log("users").display().to_string()), "{error}");
        assert!(ledger::running(&home, "users").unwrap().is_none());
        assert_eq!(ledger::read(&home).unwrap().len(), 1, "a crash stays in the list");
        home.remove().unwrap();
    }

    #[tokio::test]
    async fn another_command_finds_the_process_and_stops_it() {
        let home = Home::for_unit_test("stop");
        let mut first = Supervisor::new(&home);
        first.start(&launch("courses", "exec sleep 600")).unwrap();
        assert!(first.started("courses"));
        let record = ledger::running(&home, "courses").unwrap().unwrap();
        let mut second = Supervisor::new(&home);
        assert!(second.stop_started().await.unwrap().is_empty());
        assert!(record.identity.is_alive(), "the second did not start it");
        let killed = second.stop_all().await.unwrap();
        assert!(killed.is_empty(), "it stops when it is asked");
        assert!(!record.identity.is_alive());
        assert!(ledger::read(&home).unwrap().is_empty());
        home.remove().unwrap();
    }

    #[tokio::test]
    async fn a_process_that_ends_is_started_again_and_its_log_goes_on() {
        let home = Home::for_unit_test("death");
        let mut supervisor = Supervisor::new(&home);
        let script = "if [ -e again ]; then echo second; exec sleep 600; fi; echo first; touch again; kill -9 $$";
        let launch = Launch { dir: home.dir().to_owned(), ..launch("gateway", script) };
        supervisor.start(&launch).unwrap();
        let log = home.log("gateway");
        while !fs::read_to_string(&log).unwrap().contains("second") {
            supervisor.tend_once().unwrap();
            tokio::task::yield_now().await;
        }
        assert_eq!(fs::read_to_string(&log).unwrap(), "first\nsecond\n");
        assert_eq!(supervisor.restarts(), BTreeMap::from([("gateway".to_owned(), 1)]));
        assert_eq!(ledger::running(&home, "gateway").unwrap().unwrap().restarts, 1);
        supervisor.stop_started().await.unwrap();
        supervisor.tend_once().unwrap();
        assert!(ledger::running(&home, "gateway").unwrap().is_none(), "what was stopped stays so");
        home.remove().unwrap();
    }

    #[test]
    fn the_pause_grows_while_a_process_keeps_ending() {
        let mut life = Life::begin(launch("users", ""));
        let start = life.since;
        let mut pauses = Vec::new();
        for _ in 0..10 {
            pauses.push(life.ended(life.since));
            let due = life.due.unwrap();
            assert!(life.take_due(due - POLL).is_none());
            assert!(life.take_due(due).is_some());
        }
        assert!(pauses.is_sorted() && pauses[0] < pauses[5], "{pauses:?}");
        assert_eq!(pauses.last(), Some(&LONGEST_PAUSE));
        assert_eq!(life.ended(life.since + WELL), FIRST_PAUSE);
        assert!(life.since > start);
    }
}
