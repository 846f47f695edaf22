//! The logs of the processes: keeping them, showing them, following them.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::home::Home;
use crate::interrupt::Interrupt;

/// How many lines an error message quotes.
const QUOTED: usize = 20;

/// Moves the log of the run before out of the way, where it is kept once more.
pub(crate) fn keep_last(path: &Path) -> Result<()> {
    match fs::rename(path, path.with_extension("log.1")) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot move {}", path.display()))
        }
        _ => Ok(()),
    }
}

/// The last lines of a log and where it lies, for an error message.
pub(crate) fn excerpt(path: &Path) -> String {
    let lines = last_lines(path, QUOTED).unwrap_or_default();
    let quoted: String = lines.iter().map(|line| format!("    | {line}\n")).collect();
    format!("{quoted}    log: {}", path.display())
}

/// Prints the last lines of the logs, and what is added to them until Ctrl-C.
pub(crate) async fn show(
    home: &Home,
    names: &[String],
    lines: usize,
    follow: bool,
    interrupt: &Interrupt,
) -> Result<()> {
    let mut tails = Vec::new();
    for (name, path) in files(home, names)? {
        let label = if names.len() == 1 { String::new() } else { format!("{name:<14}| ") };
        for line in last_lines(&path, lines)? {
            println!("{label}{line}");
        }
        tails.push(Tail { position: fs::metadata(&path)?.len(), path, label });
    }
    if !follow {
        return Ok(());
    }
    loop {
        for tail in &mut tails {
            tail.print_new()?;
        }
        tokio::select! {
            () = interrupt.asked(1) => return Ok(()),
            () = tokio::time::sleep(Duration::from_millis(150)) => {}
        }
    }
}

/// The logs of the named processes, or all.
fn files(home: &Home, names: &[String]) -> Result<Vec<(String, PathBuf)>> {
    let mut known: Vec<(String, PathBuf)> = Vec::new();
    for entry in fs::read_dir(home.path("logs")).context("there are no logs yet: run `cargo fleet up`")? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "log") {
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            known.push((name, path));
        }
    }
    known.sort();
    if let Some(unknown) = names.iter().find(|name| !known.iter().any(|(known, _)| known == *name)) {
        let all: Vec<&str> = known.iter().map(|(name, _)| name.as_str()).collect();
        bail!("there is no log of {unknown}; there is one of: {}", all.join(", "));
    }
    known.retain(|(name, _)| names.is_empty() || names.contains(name));
    Ok(known)
}

fn last_lines(path: &Path, count: usize) -> Result<VecDeque<String>> {
    let mut kept = VecDeque::with_capacity(count);
    for line in BufReader::new(File::open(path)?).split(b'\n') {
        if kept.len() == count {
            kept.pop_front();
        }
        kept.push_back(String::from_utf8_lossy(&line?).into_owned());
    }
    Ok(kept)
}

/// A log that is being followed.
#[derive(Debug)]
struct Tail {
    path: PathBuf,
    label: String,
    position: u64,
}

impl Tail {
    /// Prints the whole lines that were added since the last time. A log that became shorter was begun anew.
    fn print_new(&mut self) -> Result<()> {
        let Ok(mut file) = File::open(&self.path) else { return Ok(()) };
        if file.metadata()?.len() < self.position {
            self.position = 0;
        }
        file.seek(SeekFrom::Start(self.position))?;
        let mut added = Vec::new();
        file.read_to_end(&mut added)?;
        let Some(end) = added.iter().rposition(|byte| *byte == b'\n') else { return Ok(()) };
        for line in String::from_utf8_lossy(&added[..end]).split('\n') {
            println!("{}{line}", self.label);
        }
        self.position += u64::try_from(end)? + 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_quotes_the_last_lines_and_names_the_file() {
        let home = Home::for_unit_test("excerpt");
        let path = home.log("users");
        let text: String = (1..=50).map(|line| format!("line {line}\n")).collect();
        fs::write(&path, text).unwrap();
        let shown = excerpt(&path);
        assert!(shown.starts_with("    | line 31\n"), "{shown}");
        assert!(shown.contains("    | line 50\n    log: "), "{shown}");
        assert!(excerpt(&home.log("courses")).contains("courses.log"));
        home.remove().unwrap();
    }

    #[test]
    fn the_log_of_the_run_before_is_kept() {
        let home = Home::for_unit_test("keep");
        let path = home.log("users");
        keep_last(&path).unwrap();
        fs::write(&path, "first").unwrap();
        keep_last(&path).unwrap();
        assert_eq!(fs::read_to_string(home.path("logs/users.log.1")).unwrap(), "first");
        home.remove().unwrap();
    }
}
