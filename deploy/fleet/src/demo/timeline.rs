//! The journey as it is printed: when each step began, how long it took, and under which trace it can be found.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::progress::show;
use crate::rest::Rest;

/// How wide the names of steps are.
const WIDTH: usize = 28;

/// What a step has to say, and what it hands on.
pub(super) trait Told {
    type Given;
    fn told(self) -> (String, Self::Given);
}

impl Told for String {
    type Given = ();

    fn told(self) -> (String, ()) {
        (self, ())
    }
}

impl<T> Told for (String, T) {
    type Given = T;

    fn told(self) -> (String, T) {
        self
    }
}

/// Prints the steps as they happen.
#[derive(Debug)]
pub(super) struct Timeline {
    begun: Instant,
    steps: usize,
}

impl Timeline {
    pub(super) fn begin() -> Self {
        println!("  {:>9}  {:<WIDTH$} {:>8}  {:<32}  what happened", "at", "step", "took", "trace");
        Self { begun: Instant::now(), steps: 0 }
    }

    /// A step in the learner's name, under a trace of its own.
    pub(super) async fn step<T: Told>(
        &mut self,
        rest: &Rest,
        name: &str,
        work: impl AsyncFnOnce(&Rest) -> Result<T>,
    ) -> Result<T::Given> {
        let mut rest = rest.clone();
        self.step_mut(&mut rest, name, async |rest| work(rest).await).await
    }

    /// The same for a step that changes who the caller is.
    pub(super) async fn step_mut<T: Told>(
        &mut self,
        rest: &mut Rest,
        name: &str,
        work: impl AsyncFnOnce(&mut Rest) -> Result<T>,
    ) -> Result<T::Given> {
        let trace = rest.begin_trace()?;
        let begun = Instant::now();
        let done = work(rest).await;
        let told = done.with_context(|| format!("the journey stopped at: {name} (trace {trace})"))?;
        let (what, given) = told.told();
        self.steps += 1;
        println!("{}", line(begun - self.begun, name, begun.elapsed(), &trace, &what));
        Ok(given)
    }

    pub(super) fn end(&self) {
        println!("\n{} steps in {}.", self.steps, show(self.begun.elapsed()));
    }
}

fn line(at: Duration, name: &str, took: Duration, trace: &str, what: &str) -> String {
    let millis = at.as_millis();
    let at = format!("{}.{:03} s", millis / 1_000, millis % 1_000);
    format!("  {at:>9}  {name:<WIDTH$} {:>8}  {trace}  {what}", show(took)).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_timeline_says_when_what_how_long_and_under_which_trace() {
        let shown =
            line(Duration::from_millis(1_234), "sign in", Duration::from_millis(87), &"a".repeat(32), "as Вера");
        assert_eq!(shown, format!("    1.234 s  sign in                         87 ms  {}  as Вера", "a".repeat(32)));
    }

    #[tokio::test]
    async fn a_step_that_fails_is_named_with_its_trace() {
        let rest = Rest::new("http://127.0.0.1:1").unwrap();
        let error = Timeline::begin()
            .step(&rest, "sign in", async |_| anyhow::bail!("no") as Result<String>)
            .await
            .unwrap_err();
        assert!(format!("{error:#}").starts_with("the journey stopped at: sign in (trace "), "{error:#}");
    }
}
