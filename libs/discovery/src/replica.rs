//! One replica: its connection, and how it does.

use std::{
    fmt, io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures::{
    FutureExt,
    future::{BoxFuture, Shared},
};
use tls::Connector;
use tokio::time::Instant;

use crate::{
    dial::{Sender, dial},
    target::Address,
};

/// How long a replica that could not be reached is left alone while others are there: doubled each time, up to the
/// second one.
const FIRST_REST: Duration = Duration::from_millis(100);
const LONGEST_REST: Duration = Duration::from_secs(5);

/// How long others are preferred to a replica that said it was unavailable.
const UNWELL: Duration = Duration::from_secs(1);

/// An attempt to connect that everybody who needs it waits for.
type Attempt = Shared<BoxFuture<'static, Result<Sender, Arc<io::Error>>>>;

/// A place where the service is.
pub(crate) struct Replica {
    pub(crate) address: Address,
    connector: Connector,
    link: Mutex<Link>,
    busy: AtomicUsize,
}

#[derive(Default)]
struct Link {
    open: Option<Sender>,
    attempt: Option<Attempt>,
    failures: u32,
    rests_until: Option<Instant>,
    unwell_until: Option<Instant>,
}

impl Replica {
    pub(crate) fn new(address: Address, connector: Connector) -> Arc<Self> {
        Arc::new(Self { address, connector, link: Mutex::default(), busy: AtomicUsize::new(0) })
    }

    /// The open connection, if there is one.
    pub(crate) fn open(&self) -> Option<Sender> {
        let mut link = self.link();
        if link.open.as_ref().is_some_and(Sender::is_closed) {
            link.open = None;
        }
        link.open.clone()
    }

    /// Connects in the background, unless that failed a moment ago.
    pub(crate) fn wake(self: &Arc<Self>) {
        if self.link().rests_until.is_none_or(|until| until <= Instant::now()) {
            drop(self.connect());
        }
    }

    /// Connects; whoever calls this meanwhile waits for the same attempt. It goes on if nobody waits any more.
    #[expect(clippy::disallowed_methods, reason = "an attempt ends by itself within its time")]
    pub(crate) fn connect(self: &Arc<Self>) -> Attempt {
        let mut link = self.link();
        if let Some(attempt) = &link.attempt {
            return attempt.clone();
        }
        let replica = Arc::clone(self);
        let attempt = async move {
            let dialled = dial(&replica.address, &replica.connector).await;
            replica.link().ended(&dialled);
            dialled.map_err(Arc::new)
        };
        let attempt = attempt.boxed().shared();
        link.attempt = Some(attempt.clone());
        drop(link);
        tokio::spawn(attempt.clone());
        attempt
    }

    /// It said that it cannot serve at the moment.
    pub(crate) fn complains(&self) {
        self.link().unwell_until = Some(Instant::now() + UNWELL);
    }

    pub(crate) fn is_well(&self) -> bool {
        self.link().unwell_until.is_none_or(|until| until <= Instant::now())
    }

    /// How many calls it is answering.
    pub(crate) fn load(&self) -> usize {
        self.busy.load(Ordering::Relaxed)
    }

    /// Counts a call until the guard is dropped.
    pub(crate) fn occupy(self: &Arc<Self>) -> Busy {
        self.busy.fetch_add(1, Ordering::Relaxed);
        Busy(Arc::clone(self))
    }

    fn link(&self) -> MutexGuard<'_, Link> {
        self.link.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Link {
    fn ended(&mut self, dialled: &io::Result<Sender>) {
        self.attempt = None;
        match dialled {
            Ok(sender) => {
                self.open = Some(sender.clone());
                self.failures = 0;
                self.rests_until = None;
            }
            Err(_) => {
                let rest = (FIRST_REST * 2_u32.pow(self.failures.min(10))).min(LONGEST_REST);
                self.failures += 1;
                self.rests_until = Some(Instant::now() + rest);
            }
        }
    }
}

/// A call that is being answered.
pub(crate) struct Busy(Arc<Replica>);

impl Busy {
    pub(crate) fn replica(&self) -> &Arc<Replica> {
        &self.0
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.busy.fetch_sub(1, Ordering::Relaxed);
    }
}

impl fmt::Debug for Replica {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Replica({})", self.address)
    }
}
