//! What a service is given to live with: the clock, background tasks, the admin port and the two signals of a stop.

use std::{future::Future, time::Duration};

use tokio_util::sync::CancellationToken;
use values::SharedClock;

use crate::{Admin, Outcome, Tasks, jobs};

/// The surroundings of a running service; clones share everything.
///
/// A stop goes in this order: readiness drops; after `LYCEUM_DRAIN` the servers stop accepting (`draining`); what is
/// in flight finishes; `shutdown` tells the tasks to end; telemetry is flushed.
#[derive(Debug, Clone)]
pub struct Runtime {
    /// The clock that the whole service asks.
    pub clock: SharedClock,
    /// Cancelled when servers must stop accepting. Handlers of endless streams should watch it.
    pub draining: CancellationToken,
    /// Cancelled when background tasks must end: nothing is in flight any more.
    pub shutdown: CancellationToken,
    /// Background tasks.
    pub tasks: Tasks,
    /// The admin port, to which readiness checks are added.
    pub admin: Admin,
    /// How long a whole stop may take.
    pub deadline: Duration,
    /// Cancelled when requests in flight have used up their share of the deadline.
    pub(crate) abandon: CancellationToken,
    /// How often the files of certificates are looked at.
    pub(crate) tls_reload: Duration,
}

impl Runtime {
    /// A runtime that no signal stops: cancel `draining` and `shutdown` by hand. For tests, and what
    /// [`main`](crate::main) builds on.
    pub fn new(clock: SharedClock, deadline: Duration) -> Self {
        let shutdown = CancellationToken::new();
        Self {
            clock,
            draining: CancellationToken::new(),
            tasks: Tasks::new(shutdown.clone()),
            shutdown,
            admin: Admin::new(),
            deadline,
            abandon: CancellationToken::new(),
            tls_reload: Duration::from_secs(10),
        }
    }

    /// Runs `work` now and then `every` so often, one run at a time, until the shutdown.
    ///
    /// Runs start at whole multiples of `every` after the first, however long a run takes; a run that overlaps the
    /// next start swallows it. Each run is a trace of its own, if runs are at least ten seconds apart. A failure or a
    /// panic is logged and counted, and the next run comes as usual. Metrics: `job_runs_total{job,outcome}`,
    /// `job_duration_seconds{job}`, `job_last_success_timestamp_seconds{job}`.
    pub fn job<W, F>(&self, name: &'static str, every: Duration, work: W)
    where
        W: FnMut() -> F + Send + 'static,
        F: Future<Output: Outcome + Send> + Send + 'static,
    {
        self.tasks.spawn(name, jobs::run(name, every, self.clone(), work));
    }
}
