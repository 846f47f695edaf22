//! Background work that the process knows about: what should run for ever is watched, and everything is waited for at
//! the stop.

use std::{
    any::Any,
    collections::BTreeMap,
    future::Future,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures::FutureExt;
use tokio::sync::watch;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::Instrument;

use crate::panics;

/// Starts background tasks and knows which of them still run. Clones share the same tasks.
#[derive(Debug, Clone)]
pub struct Tasks {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    tracker: TaskTracker,
    shutdown: CancellationToken,
    failure: watch::Sender<Option<Arc<str>>>,
    running: Mutex<Running>,
}

#[derive(Debug, Default)]
struct Running {
    names: BTreeMap<u64, &'static str>,
    next: u64,
}

/// What a task's future may answer: nothing, or a result whose error is reported.
pub trait Outcome {
    /// Why it failed, with the whole chain of causes.
    fn failure(self) -> Option<String>;
}

impl Outcome for () {
    fn failure(self) -> Option<String> {
        None
    }
}

impl<T, E: Into<anyhow::Error>> Outcome for Result<T, E> {
    fn failure(self) -> Option<String> {
        self.err().map(|error| format!("{:#}", error.into()))
    }
}

impl Tasks {
    pub(crate) fn new(shutdown: CancellationToken) -> Self {
        let (failure, _) = watch::channel(None);
        Self { inner: Arc::new(Inner { tracker: TaskTracker::new(), shutdown, failure, running: Mutex::default() }) }
    }

    /// Starts a task that runs until the shutdown. If it ends earlier, fails or panics, the process stops with an
    /// error.
    pub fn spawn<F>(&self, name: &'static str, task: F)
    where
        F: Future<Output: Outcome> + Send + 'static,
    {
        let inner = Arc::clone(&self.inner);
        self.track(name, async move {
            let ended = AssertUnwindSafe(task).catch_unwind().await;
            let stopping = inner.shutdown.is_cancelled();
            let why = match ended.map(Outcome::failure) {
                Ok(None) if stopping => return,
                Ok(None) => "ended although nobody asked it to".to_owned(),
                Ok(Some(error)) => format!("failed: {error}"),
                Err(panic) => format!("panicked: {}", panics::text(&*panic)),
            };
            tracing::error!(task = name, error = %why, "task {name} {why}");
            if !stopping {
                inner.failure.send_replace(Some(format!("task {name} {why}").into()));
            }
        });
    }

    /// Starts a piece of work that ends by itself. A failure is logged and nothing more; the stop waits for it.
    pub fn once<F>(&self, name: &'static str, work: F)
    where
        F: Future<Output: Outcome> + Send + 'static,
    {
        self.track(name, async move {
            let ended: Result<F::Output, Box<dyn Any + Send>> = AssertUnwindSafe(work).catch_unwind().await;
            match ended.map(Outcome::failure) {
                Ok(None) => {}
                Ok(Some(error)) => tracing::error!(task = name, error = %error, "{name} failed"),
                Err(panic) => tracing::error!(task = name, error = %panics::text(&*panic), "{name} panicked"),
            }
        });
    }

    /// Waits until a task that should run for ever has failed, and tells how.
    pub(crate) async fn failed(&self) -> Arc<str> {
        let mut failure = self.inner.failure.subscribe();
        loop {
            if let Some(why) = failure.borrow_and_update().clone() {
                return why;
            }
            if failure.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// How a task failed, if one did.
    pub(crate) fn failure(&self) -> Option<Arc<str>> {
        self.inner.failure.borrow().clone()
    }

    /// Waits until every task has ended; no new ones should be started.
    pub(crate) async fn ended(&self) {
        self.inner.tracker.close();
        self.inner.tracker.wait().await;
    }

    /// The names of the tasks that still run.
    pub fn running(&self) -> Vec<&'static str> {
        self.running_now().names.values().copied().collect()
    }

    #[expect(clippy::disallowed_methods, reason = "this is where tasks are counted")]
    fn track(&self, name: &'static str, work: impl Future<Output = ()> + Send + 'static) {
        let inner = Arc::clone(&self.inner);
        let number = {
            let mut running = self.running_now();
            running.next += 1;
            let number = running.next;
            running.names.insert(number, name);
            number
        };
        let tracked = self.inner.tracker.track_future(async move {
            work.await;
            inner.running.lock().unwrap_or_else(PoisonError::into_inner).names.remove(&number);
        });
        tokio::spawn(tracked.in_current_span());
    }

    fn running_now(&self) -> MutexGuard<'_, Running> {
        self.inner.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_that_ends_fails_or_panics_too_early_is_reported_with_its_name() {
        let tasks = Tasks::new(CancellationToken::new());
        tasks.spawn("relay", async {});
        assert_eq!(&*tasks.failed().await, "task relay ended although nobody asked it to");

        let tasks = Tasks::new(CancellationToken::new());
        tasks.spawn("relay", async { Err::<(), _>(anyhow::anyhow!("no broker").context("cannot relay")) });
        assert_eq!(&*tasks.failed().await, "task relay failed: cannot relay: no broker");

        let tasks = Tasks::new(CancellationToken::new());
        tasks.spawn("relay", async {
            if true {
                panic!("at the disco")
            }
        });
        assert_eq!(&*tasks.failed().await, "task relay panicked: at the disco");
    }

    #[tokio::test]
    async fn tasks_are_waited_for_at_the_shutdown_and_their_end_is_no_failure_then() {
        let shutdown = CancellationToken::new();
        let tasks = Tasks::new(shutdown.clone());
        let asked = shutdown.clone();
        tasks.spawn("relay", async move { asked.cancelled().await });
        tasks.once("mail", async { Err::<(), _>(anyhow::anyhow!("no such mailbox")) });
        assert!(tasks.running().contains(&"relay"));
        shutdown.cancel();
        tasks.ended().await;
        assert_eq!(tasks.running(), Vec::<&str>::new());
        assert_eq!(tasks.failure(), None);
    }
}
