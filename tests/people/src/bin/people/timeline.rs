//! The steps as they are printed: a timeline for people, lines of JSON for programs.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use people::{Listener, Step};
use serde_json::{Map, Value, json};

/// How wide the names of steps are.
const WIDTH: usize = 28;

/// For people: when each step began, how long it took, and under which trace it can be found.
#[derive(Debug)]
pub(crate) struct Timeline {
    begun: Instant,
    steps: Mutex<usize>,
}

impl Timeline {
    pub(crate) fn begin() -> Self {
        println!("  {:>9}  {:<WIDTH$} {:>8}  {:<32}  what happened", "at", "step", "took", "trace");
        Self { begun: Instant::now(), steps: Mutex::new(0) }
    }

    pub(crate) fn end(&self) {
        let steps = self.steps.lock().unwrap_or_else(PoisonError::into_inner);
        println!("\n{steps} steps in {}.", show(self.begun.elapsed()));
    }
}

impl Listener for Timeline {
    fn done(&self, step: &Step<'_>) {
        *self.steps.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        println!("{}", line(step.begun - self.begun, step.name, step.took, step.trace, step.what));
    }
}

fn line(at: Duration, name: &str, took: Duration, trace: &str, what: &str) -> String {
    let millis = at.as_millis();
    let at = format!("{}.{:03} s", millis / 1_000, millis % 1_000);
    format!("  {at:>9}  {name:<WIDTH$} {:>8}  {trace}  {what}", show(took)).trim_end().to_owned()
}

/// A length of time as people read it.
fn show(length: Duration) -> String {
    let millis = length.as_millis();
    if millis < 1_000 { format!("{millis} ms") } else { format!("{}.{} s", millis / 1_000, millis % 1_000 / 100) }
}

/// For programs: `{"step": …, "tookMs": …, "trace": …, "what": …}` and the ids that it brought.
#[derive(Debug)]
pub(crate) struct Lines;

impl Listener for Lines {
    fn done(&self, step: &Step<'_>) {
        let took = u64::try_from(step.took.as_millis()).unwrap_or(u64::MAX);
        let about = json!({"step": step.name, "tookMs": took, "trace": step.trace, "what": step.what});
        let ids = step.ids.iter().map(|(name, id)| ((*name).to_owned(), Value::from(id.clone())));
        let mut line: Map<String, Value> = ids.collect();
        line.extend(about.as_object().cloned().unwrap_or_default());
        println!("{}", Value::from(line));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_timeline_says_when_what_how_long_and_under_which_trace() {
        let trace = "a".repeat(32);
        let shown = line(Duration::from_millis(1_234), "sign in", Duration::from_millis(87), &trace, "as Вера");
        assert_eq!(shown, format!("    1.234 s  sign in                         87 ms  {trace}  as Вера"));
        assert_eq!(show(Duration::from_millis(2_345)), "2.3 s");
    }
}
