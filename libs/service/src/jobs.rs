//! A service's jobs as a table: how often, its name, the flow.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chassis::{Outcome, Runtime};
use futures::future::BoxFuture;

/// A job that is due now and then. Every `async fn(&App) -> Result<T, E>` is one, and may run on several replicas at
/// once.
///
/// The lifetime is there because only so can the future of an `async fn` be named and required to be `Send`.
pub trait Job<'a, A: 'a> {
    /// The function's own future.
    type Running: Future<Output: Outcome> + Send + 'a;

    /// Does it once.
    fn run(&self, app: &'a A) -> Self::Running;
}

impl<'a, A: 'a, F, R> Job<'a, A> for F
where
    F: Fn(&'a A) -> R,
    R: Future<Output: Outcome> + Send + 'a,
{
    type Running = R;

    fn run(&self, app: &'a A) -> R {
        self(app)
    }
}

/// The jobs of a service.
///
/// ```ignore
/// Jobs::new()
///     .every(15 * SECOND, "expire-orders", expire_orders::run)
///     .every(HOUR, "sweep", sweep::run)
/// ```
pub struct Jobs<A> {
    rows: Vec<Row<A>>,
}

struct Row<A> {
    name: &'static str,
    every: Duration,
    work: Arc<dyn Fn(Arc<A>) -> BoxFuture<'static, Ended> + Send + Sync>,
}

/// How a run ended: with its failure, if there was one.
struct Ended(Option<String>);

impl Outcome for Ended {
    fn failure(self) -> Option<String> {
        self.0
    }
}

impl<A> fmt::Debug for Jobs<A> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_map().entries(self.rows.iter().map(|row| (row.name, row.every))).finish()
    }
}

impl<A: Send + Sync + 'static> Default for Jobs<A> {
    fn default() -> Self {
        Self::new()
    }
}

impl<A: Send + Sync + 'static> Jobs<A> {
    /// No jobs.
    pub fn new() -> Self {
        Self { rows: Vec::new() }
    }

    /// Adds a job that runs at the start and then `every` so often, one run at a time: see [`Runtime::job`].
    #[must_use]
    pub fn every<J>(mut self, every: Duration, name: &'static str, job: J) -> Self
    where
        J: for<'a> Job<'a, A> + Send + Sync + 'static,
    {
        let job = Arc::new(job);
        let work = Arc::new(move |app: Arc<A>| -> BoxFuture<'static, Ended> {
            let job = Arc::clone(&job);
            Box::pin(async move { Ended(job.run(&app).await.failure()) })
        });
        self.rows.push(Row { name, every, work });
        self
    }

    /// Starts all of them.
    pub(crate) fn start(self, runtime: &Runtime, app: &Arc<A>) {
        for Row { name, every, work } in self.rows {
            let app = Arc::clone(app);
            runtime.job(name, every, move || work(Arc::clone(&app)));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use values::SystemClock;

    use super::*;

    async fn count(app: &AtomicUsize) -> anyhow::Result<usize> {
        Ok(app.fetch_add(1, Ordering::Relaxed))
    }

    async fn fail(_: &AtomicUsize) -> Result<(), std::io::Error> {
        Err(std::io::Error::other("not today"))
    }

    #[tokio::test(start_paused = true)]
    async fn every_row_runs_at_its_own_pace_whatever_the_others_do() {
        let (runtime, app) = (Runtime::new(Arc::new(SystemClock), Duration::ZERO), Arc::new(AtomicUsize::new(0)));
        let second = Duration::from_secs(1);
        Jobs::new().every(10 * second, "count", count).every(second, "fail", fail).start(&runtime, &app);
        tokio::time::sleep(Duration::from_millis(25_500)).await;
        runtime.shutdown.cancel();
        assert_eq!(app.load(Ordering::Relaxed), 3);
    }
}
