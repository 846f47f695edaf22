//! The logs of the processes: keeping them and showing them.

use std::collections::{BTreeMap, VecDeque};
use std::fs::{self, File};
use std::io::{BufRead, BufReader, ErrorKind};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Error, Result};

use crate::home::Home;

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
    let lines = last_lines(path).unwrap_or_default();
    let quoted: String = lines.iter().map(|line| format!("    | {line}\n")).collect();
    format!("{quoted}    log: {}", path.display())
}

/// Becomes `tail`, which prints the last lines of the logs and, if it is to follow, what is added to them.
pub(crate) fn show(home: &Home, names: &[String], lines: usize, follow: bool) -> Result<()> {
    let mut command = Command::new("tail");
    command.arg(format!("--lines={lines}")).args(follow.then_some("-F"));
    let error = command.args(files(home, names)?).exec();
    Err(Error::from(error).context("cannot start tail"))
}

/// The logs of the named processes, or all.
fn files(home: &Home, names: &[String]) -> Result<Vec<PathBuf>> {
    let mut known: BTreeMap<String, PathBuf> = BTreeMap::new();
    for entry in fs::read_dir(home.path("logs")).context("there are no logs yet: run `cargo fleet up`")? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "log") {
            known.insert(path.file_stem().unwrap_or_default().to_string_lossy().into_owned(), path);
        }
    }
    if names.is_empty() {
        return Ok(known.into_values().collect());
    }
    let all = known.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
    let find =
        |name| known.get(name).cloned().with_context(|| format!("there is no log of {name}; there is one of: {all}"));
    names.iter().map(find).collect()
}

fn last_lines(path: &Path) -> Result<VecDeque<String>> {
    let mut kept = VecDeque::with_capacity(QUOTED);
    for line in BufReader::new(File::open(path)?).split(b'\n') {
        if kept.len() == QUOTED {
            kept.pop_front();
        }
        kept.push_back(String::from_utf8_lossy(&line?).into_owned());
    }
    Ok(kept)
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
