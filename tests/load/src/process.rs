//! What the kernel says of a process: CPU time and resident memory.

use std::fs;

use anyhow::{Context, Result};

/// A process that is watched.
#[derive(Debug, Clone)]
pub struct Process {
    /// What it is called in the figures.
    pub name: String,
    /// Its number.
    pub pid: u32,
}

impl Process {
    /// CPU time that it and its children have used, in microseconds; the kernel counts in hundredths of a second.
    pub fn cpu_micros(&self) -> Result<u64> {
        let own = Times::of(self.pid).with_context(|| format!("{} does not run any more", self.name))?;
        // A database's backends come and go: what is left of those that went is kept with their parent.
        let children = fs::read_dir("/proc")?
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .filter_map(Times::of)
            .filter(|times| i64::from(self.pid) == times.parent);
        let ticks = own.used + own.of_ended_children + children.map(|times| times.used).sum::<u64>();
        Ok(ticks * 1_000_000 / rustix::param::clock_ticks_per_second().max(1))
    }

    /// Memory that it holds, in kB: resident, with what it shares with others.
    pub fn resident_kb(&self) -> Result<u64> {
        self.status("VmRSS:")
    }

    /// Memory of its own, in kB: without the pages of files, such as the program itself, which the kernel can drop.
    pub fn anonymous_kb(&self) -> Result<u64> {
        self.status("RssAnon:")
    }

    fn status(&self, line: &str) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid))
            .with_context(|| format!("{} does not run any more", self.name))?;
        let found = status.lines().find_map(|l| l.strip_prefix(line));
        let number = found.and_then(|rest| rest.split_whitespace().next()).and_then(|number| number.parse().ok());
        number.with_context(|| format!("the kernel does not tell {line}"))
    }
}

/// CPU time of several processes, to be asked for the difference later.
#[derive(Debug)]
pub struct CpuWatch {
    before: Vec<(Process, u64)>,
}

impl CpuWatch {
    /// Begins to count.
    pub fn start(processes: &[Process]) -> Result<Self> {
        let before = processes.iter().map(|process| Ok((process.clone(), process.cpu_micros()?)));
        Ok(Self { before: before.collect::<Result<_>>()? })
    }

    /// CPU time used since, by process, in microseconds for each of `requests`.
    pub fn per_request(&self, requests: u64) -> Result<Vec<(String, u64)>> {
        let used = self.before.iter().map(|(process, before)| {
            let micros = process.cpu_micros()?.saturating_sub(*before);
            Ok((process.name.clone(), micros / requests.max(1)))
        });
        used.collect()
    }
}

/// What the kernel counts of a process, in ticks.
struct Times {
    parent: i64,
    used: u64,
    of_ended_children: u64,
}

impl Times {
    fn of(pid: u32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name in parentheses may hold blanks; what counts stands behind it.
        let fields: Vec<&str> = stat.rsplit(')').next()?.split_whitespace().collect();
        let ticks = |place: usize| fields.get(place)?.parse::<u64>().ok();
        Some(Self {
            parent: fields.get(1)?.parse().ok()?,
            used: ticks(11)? + ticks(12)?,
            of_ended_children: ticks(13)? + ticks(14)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{BufRead, BufReader},
        process::{Command, Stdio},
    };

    use super::*;

    #[test]
    fn this_process_uses_time_and_memory() {
        let me = Process { name: "me".into(), pid: std::process::id() };
        let before = me.cpu_micros().unwrap();
        let mut sum = 0_u64;
        while me.cpu_micros().unwrap() == before {
            sum = sum.wrapping_add(1);
        }
        assert!(me.resident_kb().unwrap() > 100 && me.anonymous_kb().unwrap() > 10);
        assert!(Process { name: "nobody".into(), pid: u32::MAX }.cpu_micros().is_err());
    }

    #[test]
    fn what_children_use_counts_while_they_live_and_afterwards() {
        // The shell itself only waits.
        let script = "(i=0; while [ $i -lt 400000 ]; do i=$((i+1)); done) & wait; echo done; read -r _";
        let mut shell = Command::new("sh");
        let mut shell = shell.args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let watched = Process { name: "sh".into(), pid: shell.id() };
        let mut looks = (0..20_000).map(|_| watched.cpu_micros().unwrap());
        let while_it_lives = looks.find(|used| *used >= 30_000).unwrap_or_default();
        let mut said = String::new();
        BufReader::new(shell.stdout.take().unwrap()).read_line(&mut said).unwrap();
        let afterwards = watched.cpu_micros().unwrap();
        drop(shell.stdin.take());
        shell.wait().unwrap();
        assert!(afterwards >= while_it_lives && while_it_lives >= 30_000, "{while_it_lives} µs, then {afterwards} µs");
    }
}
