//! What a transaction tells the rest of its process once it has committed: `NOTIFY` without the server, where every
//! commit with a notification waits for all the others, whatever database they are in.
//!
//! Nobody else hears it: other replicas, and a process that dies between its commit and its signal, are why whoever
//! listens has to look by itself now and then.

use std::cell::RefCell;
use std::fmt;
use std::sync::LazyLock;
use std::time::Duration;

use tokio::sync::broadcast::{self, error::RecvError, error::TryRecvError};

/// How many values are kept for a listener that is busy; then it hears that it missed some.
const KEPT: usize = 1_024;

tokio::task_local! {
    /// The signals of the transaction that this task is in.
    static UNSENT: RefCell<Unsent>;
}

/// What is sent after a commit, and dropped after a rollback.
#[derive(Default)]
pub(crate) struct Unsent(Vec<Box<dyn FnOnce() + Send>>);

impl Unsent {
    pub(crate) fn send(self) {
        self.0.into_iter().for_each(|send| send());
    }
}

/// Does the work of a transaction and answers with its signals beside what came of it.
pub(crate) async fn collected<W: Future>(work: W) -> (W::Output, Unsent) {
    let work = async {
        let output = work.await;
        (output, UNSENT.with(RefCell::take))
    };
    UNSENT.scope(RefCell::default(), work).await
}

/// A signal of this process, which stands in a `static`.
pub struct Signal<T: 'static>(LazyLock<broadcast::Sender<T>>);

impl<T: 'static> fmt::Debug for Signal<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signal")
    }
}

impl<T: Clone + Send + 'static> Signal<T> {
    /// Nobody listens yet.
    #[expect(clippy::new_without_default, reason = "a static needs a constant")]
    pub const fn new() -> Self {
        Self(LazyLock::new(|| broadcast::Sender::new(KEPT)))
    }

    /// Sends a value when the [`transaction`](crate::transaction()) that this task is in has committed. Outside of one
    /// nothing is sent.
    pub fn send_after_commit(&'static self, value: T) {
        let send = Box::new(move || {
            // Nobody may be listening.
            let _ = self.0.send(value);
        });
        let _ = UNSENT.try_with(|unsent| unsent.borrow_mut().0.push(send));
    }

    /// Hears what is sent from now on.
    pub fn listen(&self) -> Listener<T> {
        Listener(self.0.subscribe())
    }
}

/// What a listener heard.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Heard<T> {
    /// A value.
    Value(T),
    /// That it was busy for too long, and values were lost.
    Missed,
}

/// Hears a signal.
#[derive(Debug)]
pub struct Listener<T>(broadcast::Receiver<T>);

impl<T: Clone + Send + 'static> Listener<T> {
    /// Waits for the next value.
    pub async fn next(&mut self) -> Heard<T> {
        match self.0.recv().await {
            Ok(value) => Heard::Value(value),
            Err(RecvError::Lagged(_)) => Heard::Missed,
            // A static is never dropped.
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }

    /// The next value if it is there already.
    pub fn ready(&mut self) -> Option<Heard<T>> {
        match self.0.try_recv() {
            Ok(value) => Some(Heard::Value(value)),
            Err(TryRecvError::Lagged(_)) => Some(Heard::Missed),
            Err(TryRecvError::Empty | TryRecvError::Closed) => None,
        }
    }

    /// Waits for a value, at most so long. All that are there by then are one.
    pub async fn rings(&mut self, at_most: Duration) {
        // Time that is over is as good as a value.
        let _ = tokio::time::timeout(at_most, self.0.recv()).await;
        self.0 = self.0.resubscribe();
    }
}
