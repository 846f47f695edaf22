//! Work that is done again and again. What a job does is the service's business, and must be safe to do twice.

use std::{future::Future, panic::AssertUnwindSafe, time::Duration};

use futures::FutureExt;
use tokio::time::{Instant, sleep_until};
use tracing::{Instrument, Span};

use crate::{Outcome, Runtime, panics};

/// What runs more often than this would drown the traces.
const FREQUENT: Duration = Duration::from_secs(10);

pub(crate) async fn run<W, F>(job: &'static str, every: Duration, runtime: Runtime, mut work: W)
where
    W: FnMut() -> F + Send + 'static,
    F: Future<Output: Outcome + Send> + Send + 'static,
{
    let first = Instant::now();
    let mut next = first;
    while runtime.shutdown.run_until_cancelled(sleep_until(next)).await.is_some() {
        let span = if every < FREQUENT { Span::none() } else { tracing::info_span!("job", otel.name = job, job) };
        let begun = Instant::now();
        // A job may be built with a panic as well as run into one.
        let running = AssertUnwindSafe(async { work().await.failure() }).catch_unwind();
        let failure =
            running.instrument(span.clone()).await.unwrap_or_else(|panic| Some(panics::text(&*panic).to_owned()));
        metrics::histogram!("job_duration_seconds", "job" => job).record(begun.elapsed());

        let outcome = if failure.is_some() { "failed" } else { "done" };
        metrics::counter!("job_runs_total", "job" => job, "outcome" => outcome).increment(1);
        match failure {
            Some(error) => span.in_scope(|| tracing::error!(job, error = %error, "job {job} failed")),
            None => {
                let at = i32::try_from(runtime.clock.now().unix_timestamp()).unwrap_or(i32::MAX);
                metrics::gauge!("job_last_success_timestamp_seconds", "job" => job).set(at);
            }
        }
        let passed = first.elapsed().as_nanos().checked_div(every.as_nanos()).unwrap_or_default();
        next = first + every.saturating_mul(u32::try_from(passed + 1).unwrap_or(u32::MAX));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tokio::time::sleep;
    use values::SystemClock;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn runs_start_at_whole_intervals_however_long_and_however_badly_they_end() {
        let runtime = Runtime::new(Arc::new(SystemClock), Duration::ZERO);
        let begun = Instant::now();
        let starts = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&starts);
        runtime.job("sweep", Duration::from_secs(10), move || {
            let mut noted = noted.lock().unwrap();
            noted.push(begun.elapsed().as_secs());
            let run = noted.len();
            async move {
                match run {
                    1 => Ok(()),
                    2 => Err(anyhow::anyhow!("not today")),
                    3 => panic!("never"),
                    _ => {
                        sleep(Duration::from_secs(13)).await;
                        Ok(())
                    }
                }
            }
        });
        sleep(Duration::from_secs(65)).await;
        runtime.shutdown.cancel();
        runtime.tasks.ended().await;
        // The fourth run takes 13 seconds and swallows the start at 40.
        assert_eq!(*starts.lock().unwrap(), [0, 10, 20, 30, 50]);
        assert_eq!(runtime.tasks.failure(), None);
    }
}
