//! Processes as the kernel knows them: who they are, whether they live, how much they use, and signals to them.
//!
//! A pid alone says little, because the kernel uses it again; a pid with its start time names one process.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal};
use serde::{Deserialize, Serialize};
use tokio::process::Command;

/// One process, told apart from a later one that happens to get the same pid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    pub(crate) pid: u32,
    /// When it started, in clock ticks since the machine did.
    started: u64,
    /// Which start of the machine that was.
    boot: String,
}

impl Identity {
    /// The process that has this pid now.
    pub(crate) fn of(pid: u32) -> Option<Self> {
        let stat = Stat::parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)?;
        Some(Self { pid, started: stat.started, boot: boot_id() })
    }

    /// Whether exactly this process still runs. One that ended and waits to be reaped does not.
    pub(crate) fn is_alive(&self) -> bool {
        self.boot == boot_id()
            && fs::read_to_string(format!("/proc/{}/stat", self.pid))
                .ok()
                .and_then(|text| Stat::parse(&text))
                .is_some_and(|stat| stat.started == self.started && !matches!(stat.state, 'Z' | 'X'))
    }

    /// Sends a signal, unless the process is gone and the pid may be another's.
    pub(crate) fn signal(&self, signal: Signal) {
        if self.is_alive()
            && let Some(pid) = i32::try_from(self.pid).ok().and_then(Pid::from_raw)
        {
            // It may end between the question and the signal; then there is nothing left to do.
            let _ = rustix::process::kill_process(pid, signal);
        }
    }

    /// Resident memory in KiB.
    pub(crate) fn memory_kib(&self) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid)).ok()?;
        status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?.trim().strip_suffix("kB")?.trim().parse().ok()
    }

    /// For how many seconds it has been running.
    pub(crate) fn uptime_seconds(&self) -> Option<u64> {
        let uptime = fs::read_to_string("/proc/uptime").ok()?;
        let machine: u64 = uptime.split('.').next()?.parse().ok()?;
        Some(machine.saturating_sub(self.started / rustix::param::clock_ticks_per_second()))
    }
}

/// The two fields of `/proc/PID/stat` that matter here.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    state: char,
    started: u64,
}

impl Stat {
    /// The second field is the program's name in brackets and may hold anything, so the count begins after the last bracket.
    fn parse(text: &str) -> Option<Self> {
        let (_, rest) = text.rsplit_once(')')?;
        let mut fields = rest.split_ascii_whitespace();
        let state = fields.next()?.chars().next()?;
        let started = fields.nth(18)?.parse().ok()?;
        Some(Self { state, started })
    }
}

fn boot_id() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

/// Where this program lies. One that was built anew while it runs is called deleted by the kernel, and its successor lies
/// in the same place.
pub(crate) fn this_program() -> Result<PathBuf> {
    let program = std::env::current_exe()?.into_os_string().into_string();
    let program = program.ok().context("the path of cargo fleet is no UTF-8")?;
    Ok(program.trim_end_matches(" (deleted)").into())
}

/// Runs a command, whose output goes where ours goes, to its end.
pub(crate) async fn run(mut command: Command) -> Result<ExitStatus> {
    let program = command.as_std().get_program().display().to_string();
    let status = command.stdin(Stdio::null()).kill_on_drop(true).status().await;
    status.with_context(|| format!("cannot start {program}"))
}

/// The same; fails unless it succeeds.
pub(crate) async fn run_well(command: Command) -> Result<()> {
    let status = run(command).await?;
    if !status.success() {
        bail!("{}", show_status(status));
    }
    Ok(())
}

/// How a process ended, as people read it.
pub(crate) fn show_status(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(signal)) => format!("killed by signal {signal}"),
        (None, None) => "for an unknown reason".to_owned(),
    }
}

/// Runs a command to its end and gives what it printed; fails with what it complained about.
pub(crate) async fn succeed(command: &mut Command) -> Result<String> {
    let program = command.as_std().get_program().display().to_string();
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output().await;
    let output = output.with_context(|| format!("cannot start {program}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if !output.status.success() {
        bail!("{program} failed: {}\n{}{}", output.status, text(&output.stdout), text(&output.stderr));
    }
    Ok(text(&output.stdout))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_program_name_with_brackets_and_spaces_does_not_shift_the_fields() {
        let text = "42 (a) b (c) S 1 42 42 0 -1 4194560 1 0 0 0 3 1 0 0 20 0 9 0 777123 1000 20 184467";
        assert_eq!(Stat::parse(text), Some(Stat { state: 'S', started: 777_123 }));
        assert_eq!(Stat::parse("nonsense"), None);
    }

    #[test]
    fn this_process_is_alive_and_uses_memory() {
        let me = Identity::of(std::process::id()).unwrap();
        assert!(me.is_alive());
        assert!(me.memory_kib().unwrap() > 0);
        assert!(me.uptime_seconds().is_some());
    }

    #[test]
    fn a_later_process_with_the_same_pid_is_not_taken_for_the_recorded_one() {
        let me = Identity::of(std::process::id()).unwrap();
        let earlier = Identity { started: me.started - 1, ..me.clone() };
        let before_reboot = Identity { boot: "another".to_owned(), ..me };
        assert!(!earlier.is_alive());
        assert!(!before_reboot.is_alive());
    }

    #[test]
    fn a_signal_reaches_the_process_and_its_unreaped_rest_does_not_count_as_alive() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let identity = Identity::of(child.id()).unwrap();
        assert!(identity.is_alive());
        identity.signal(Signal::KILL);
        while identity.is_alive() {
            std::thread::yield_now();
        }
        assert!(!child.wait().unwrap().success());
    }
}
