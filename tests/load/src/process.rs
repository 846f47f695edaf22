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
    /// CPU time that it has used, in microseconds; the kernel counts in hundredths of a second.
    pub fn cpu_micros(&self) -> Result<u64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid))
            .with_context(|| format!("{} does not run any more", self.name))?;
        // The name in parentheses may hold blanks; what counts stands behind it.
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks = |place: usize| fields.get(place).and_then(|field| field.parse::<u64>().ok());
        let used = ticks(11).zip(ticks(12)).map(|(user, system)| user + system);
        let per_second = rustix::param::clock_ticks_per_second().max(1);
        Ok(used.context("the kernel's figures cannot be read")? * 1_000_000 / per_second)
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

#[cfg(test)]
mod tests {
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
}
