//! What the person at the terminal sees while something is under way, and tables.

use std::io::{IsTerminal, Write, stdout};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;

/// How often a line on a terminal is drawn again.
const FRAME: Duration = Duration::from_millis(100);
/// How often a log that nobody sees move says that it is still under way.
const STILL: Duration = Duration::from_secs(15);

/// A word about the step under way; the last one stays in its closing line.
#[derive(Clone, Debug, Default)]
pub(crate) struct Note(Arc<Mutex<String>>);

impl Note {
    pub(crate) fn set(&self, text: impl Into<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = text.into();
    }

    fn get(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Runs a piece of work and shows its name, its note and how long it takes.
pub(crate) async fn step<T>(name: &str, work: impl AsyncFnOnce(Note) -> Result<T>) -> Result<T> {
    let started = Instant::now();
    let note = Note::default();
    let terminal = stdout().is_terminal();
    let mut next = started + if terminal { Duration::ZERO } else { STILL };
    let work = work(note.clone());
    tokio::pin!(work);
    let result = loop {
        tokio::select! {
            result = &mut work => break result,
            () = tokio::time::sleep_until(next.into()) => {
                let elapsed = show(started.elapsed());
                if terminal {
                    draw(&clip(&format!("  … {name:<WIDTH$} {elapsed:>9}  {}", note.get())));
                    next = Instant::now() + FRAME;
                } else {
                    println!("  … {name:<WIDTH$} {elapsed:>9}  {}", note.get());
                    next = Instant::now() + STILL;
                }
            }
        }
    };
    if terminal {
        draw("");
    }
    match &result {
        Ok(_) => done(name, started.elapsed(), &note.get()),
        Err(_) => close("✗", name, started.elapsed(), &note.get()),
    }
    result
}

/// Shows a piece of work that is done, and that showed itself while it was under way.
pub(crate) fn done(name: &str, took: Duration, note: &str) {
    close("✓", name, took, note);
}

fn close(mark: &str, name: &str, took: Duration, note: &str) {
    println!("{}", format!("  {mark} {name:<WIDTH$} {:>9}  {note}", show(took)).trim_end());
}

/// How wide the names of steps are drawn.
const WIDTH: usize = 26;

/// Draws over the current line of the terminal.
fn draw(line: &str) {
    let mut out = stdout().lock();
    // A terminal that went away takes nothing from the work itself.
    drop(write!(out, "\r\x1b[2K{line}").and_then(|()| out.flush()));
}

/// Cuts a line to the width of the terminal, because one that wraps cannot be drawn over.
fn clip(line: &str) -> String {
    // A terminal that does not know its width says 0.
    let columns = rustix::termios::tcgetwinsize(stdout()).map_or(0, |size| usize::from(size.ws_col));
    let columns = if columns == 0 { 80 } else { columns };
    line.chars().take(columns - 1).collect()
}

/// A duration as people read it: `34 ms`, `2.1 s`, `3 min 05 s`.
pub(crate) fn show(duration: Duration) -> String {
    let millis = duration.as_millis();
    match millis {
        0..1_000 => format!("{millis} ms"),
        1_000..60_000 => format!("{}.{} s", millis / 1_000, millis % 1_000 / 100),
        _ => format!("{} min {:02} s", millis / 60_000, millis / 1_000 % 60),
    }
}

/// A table with its columns as wide as they need to be.
#[derive(Debug)]
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(heading: &[&str]) -> Self {
        Self { rows: vec![heading.iter().map(|text| (*text).to_owned()).collect()] }
    }

    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// The whole table, indented by two spaces.
    pub(crate) fn render(&self) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns)
            .map(|column| self.rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max())
            .map(Option::unwrap_or_default)
            .collect();
        let line = |row: &Vec<String>| {
            let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
            format!("  {}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
        };
        self.rows.iter().map(line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_shown_in_the_unit_that_people_would_use() {
        let shown = [34, 999, 1_000, 12_399, 59_999, 60_000, 185_000].map(|ms| show(Duration::from_millis(ms)));
        assert_eq!(shown, ["34 ms", "999 ms", "1.0 s", "12.3 s", "59.9 s", "1 min 00 s", "3 min 05 s"]);
    }

    #[test]
    fn a_table_lines_up_its_columns() {
        let mut table = Table::new(&["name", "pid"]);
        table.row(["пользователи".to_owned(), "1".to_owned()]);
        table.row(["redis".to_owned(), "22".to_owned()]);
        assert_eq!(table.render(), "  name          pid\n  пользователи  1\n  redis         22\n");
    }

    #[tokio::test]
    async fn a_step_hands_on_what_its_work_gives() {
        let given = step("test", async |note| {
            note.set("working");
            anyhow::Ok(42)
        });
        assert_eq!(given.await.unwrap(), 42);
    }
}
