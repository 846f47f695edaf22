//! How old the oldest event is that a consumer has taken and not finished: what tells that it is stuck, when nothing ends any more
//! whose lag could be measured.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;
use values::SharedClock;

use crate::relay::since;

/// How often the gauge is set.
const MEASURED_EVERY: Duration = Duration::from_secs(5);

/// The moments of the events that one consumer holds. A queue hands out its oldest first, so that these are the oldest of all.
#[derive(Debug)]
pub(crate) struct Held {
    consumer: &'static str,
    clock: SharedClock,
    moments: Mutex<Moments>,
}

#[derive(Debug, Default)]
struct Moments {
    /// With a number, because two events may be of one moment.
    held: BTreeSet<(OffsetDateTime, u64)>,
    next: u64,
}

impl Held {
    pub(crate) fn new(consumer: &'static str, clock: SharedClock) -> Self {
        Self { consumer, clock, moments: Mutex::default() }
    }

    /// Holds an event of this moment until the answer is dropped.
    pub(crate) fn hold(&self, moment: OffsetDateTime) -> Hold<'_> {
        let mut moments = self.moments.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (moment, moments.next);
        moments.next = moments.next.wrapping_add(1);
        moments.held.insert(key);
        Hold { of: self, key }
    }

    /// How long ago the oldest held event happened; nothing is held, nothing is late.
    fn oldest(&self) -> Duration {
        let moments = self.moments.lock().unwrap_or_else(PoisonError::into_inner);
        moments.held.first().map_or(Duration::ZERO, |(moment, _)| since(*moment, self.clock.now()))
    }

    /// Keeps the gauge `bus_consumer_oldest_seconds{consumer}` true until told to stop. A replica that stands by says 0.
    pub(crate) async fn measure(&self, stop: &CancellationToken) {
        let gauge = metrics::gauge!("bus_consumer_oldest_seconds", "consumer" => self.consumer);
        loop {
            gauge.set(self.oldest());
            if stop.run_until_cancelled(tokio::time::sleep(MEASURED_EVERY)).await.is_none() {
                return;
            }
        }
    }
}

/// One event that is held.
#[derive(Debug)]
pub(crate) struct Hold<'a> {
    of: &'a Held,
    key: (OffsetDateTime, u64),
}

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        self.of.moments.lock().unwrap_or_else(PoisonError::into_inner).held.remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use values::SystemClock;

    #[test]
    fn the_oldest_event_counts_until_it_is_let_go() {
        let clock: SharedClock = Arc::new(SystemClock);
        let (held, now) = (Held::new("courses", Arc::clone(&clock)), clock.now());
        assert_eq!(held.oldest(), Duration::ZERO);
        let minute = Duration::from_secs(60);
        let young = held.hold(now - minute);
        let (old, twin) = (held.hold(now - 9 * minute), held.hold(now - 9 * minute));
        assert!(held.oldest() >= 9 * minute);
        drop(old);
        assert!(held.oldest() >= 9 * minute, "another event of the same moment is still held");
        drop(twin);
        assert!((minute..2 * minute).contains(&held.oldest()));
        drop(young);
        assert_eq!(held.oldest(), Duration::ZERO);
    }
}
