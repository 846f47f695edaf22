//! The order of a stop: see [`Runtime`]. What finishes in which phase is written where it finishes.

use std::{future::Future, io, process, time::Duration};

use anyhow::bail;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    time::{sleep, timeout},
};

use crate::{Runtime, Settings};

/// How the phases share the deadline, in tenths counted from its beginning: requests in flight, then tasks, then
/// telemetry.
const IN_FLIGHT_UNTIL: u32 = 7;
const TASKS_UNTIL: u32 = 9;

/// How long a server has to return after it was told to abandon its requests, and the log to be written where nobody
/// waits for it.
const LAST_WORDS: Duration = Duration::from_millis(100);

/// What a process that was told twice to stop answers with: 128 + SIGINT.
const STOPPED_TWICE: i32 = 130;

/// Listens for reasons to stop, from the whole process's beginning to its end.
#[expect(clippy::disallowed_methods, reason = "the stop cannot wait for what watches over it")]
pub(crate) fn watch(runtime: Runtime, settings: &Settings) -> io::Result<()> {
    let signals = Signals { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? };
    tokio::spawn(begin_when_asked(runtime, signals, settings.drain));
    Ok(())
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

/// From the first reason on, the stop is only a matter of time; a second signal is a wish to leave at once.
async fn begin_when_asked(runtime: Runtime, mut signals: Signals, mut drain: Duration) {
    tokio::select! {
        signal = signals.next() => tracing::info!("stopping on {signal}"),
        why = runtime.tasks.failed() => {
            // Whoever failed has said so already.
            tracing::info!("stopping because {why}");
            drain = Duration::ZERO;
        }
    }
    runtime.admin.drain();
    let phases = async {
        sleep(drain).await;
        runtime.draining.cancel();
        sleep((runtime.deadline * IN_FLIGHT_UNTIL / 10).saturating_sub(drain)).await;
        runtime.abandon.cancel();
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = phases => {}
        signal = signals.next() => {
            tracing::warn!("told again to stop, by {signal}: leaving at once");
            // The line is written by a thread of its own.
            sleep(LAST_WORDS).await;
            process::exit(STOPPED_TWICE);
        }
    }
}

/// Waits until the service has stopped serving. One that does not look at `draining` is left behind when its time is
/// over.
pub(crate) async fn served(runtime: &Runtime, serving: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    let overdue = async {
        runtime.abandon.cancelled().await;
        sleep(LAST_WORDS).await;
    };
    tokio::select! {
        served = serving => served,
        () = overdue => bail!("it did not stop serving in time"),
    }
}

/// Tells the tasks to end and waits for them as long as their share of the deadline allows.
pub(crate) async fn end_tasks(runtime: &Runtime) {
    runtime.shutdown.cancel();
    let share = runtime.deadline * (TASKS_UNTIL - IN_FLIGHT_UNTIL) / 10;
    if timeout(share, runtime.tasks.ended()).await.is_err() {
        let left = runtime.tasks.running().join(", ");
        tracing::warn!(tasks = %left, "tasks did not end in time and are abandoned: {left}");
    }
}

/// What is left of the deadline for telemetry.
pub(crate) fn flush_budget(deadline: Duration) -> Duration {
    deadline * (10 - TASKS_UNTIL) / 10
}
