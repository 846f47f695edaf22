//! A clock that stands until a test moves it.

use std::sync::{Arc, Mutex, PoisonError};

use time::{Duration, OffsetDateTime, macros::datetime};
use values::{Clock, SharedClock};

/// Shows what it was set to; clones show the same time.
#[derive(Debug, Clone)]
pub struct FixedClock(Arc<Mutex<OffsetDateTime>>);

impl FixedClock {
    /// Starts at `now`.
    pub fn at(now: OffsetDateTime) -> Self {
        Self(Arc::new(Mutex::new(now)))
    }

    /// Sets the time, forwards or back.
    pub fn set(&self, now: OffsetDateTime) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = now;
    }

    /// Moves the time on.
    pub fn advance(&self, by: Duration) {
        self.set(self.now() + by);
    }

    /// As services hold it.
    pub fn shared(&self) -> SharedClock {
        Arc::new(self.clone())
    }
}

impl Default for FixedClock {
    /// A Monday morning in 2026.
    fn default() -> Self {
        Self::at(datetime!(2026-03-02 09:00 UTC))
    }
}

impl Clock for FixedClock {
    fn now(&self) -> OffsetDateTime {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
