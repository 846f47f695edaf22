//! How old the oldest event in flight is: one that a consumer has taken and not finished: what tells that it is
//! stuck, when nothing ends any more whose lag could be measured.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;
use values::SharedClock;

use crate::relay::since;

/// How often the gauge is set.
const MEASURED_EVERY: Duration = Duration::from_secs(5);

/// The moments of the events that one consumer has in flight. A queue hands out its oldest first, so that these are
/// the oldest of all.
#[derive(Debug)]
pub(crate) struct InFlight {
    consumer: &'static str,
    clock: SharedClock,
    moments: Mutex<Moments>,
}

#[derive(Debug, Default)]
struct Moments {
    /// With a number, because two events may be of one moment.
    entries: BTreeSet<(OffsetDateTime, u64)>,
    next: u64,
}

impl InFlight {
    pub(crate) fn new(consumer: &'static str, clock: SharedClock) -> Self {
        Self { consumer, clock, moments: Mutex::default() }
    }

    /// Counts an event of this moment until the answer is dropped.
    pub(crate) fn enter(&self, moment: OffsetDateTime) -> Entry<'_> {
        let mut moments = self.moments.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (moment, moments.next);
        moments.next = moments.next.wrapping_add(1);
        moments.entries.insert(key);
        Entry { of: self, key }
    }

    /// How long ago the oldest event in flight happened; zero where there is none.
    fn oldest(&self) -> Duration {
        let moments = self.moments.lock().unwrap_or_else(PoisonError::into_inner);
        moments.entries.first().map_or(Duration::ZERO, |(moment, _)| since(*moment, self.clock.now()))
    }

    /// Keeps the gauge `bus_consumer_oldest_seconds{consumer}` true until told to stop. A replica that stands by says
    /// 0.
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

/// One event in flight.
#[derive(Debug)]
pub(crate) struct Entry<'a> {
    of: &'a InFlight,
    key: (OffsetDateTime, u64),
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        self.of.moments.lock().unwrap_or_else(PoisonError::into_inner).entries.remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use values::SystemClock;

    #[test]
    fn the_oldest_event_counts_until_it_is_finished() {
        let clock: SharedClock = Arc::new(SystemClock);
        let (in_flight, now) = (InFlight::new("courses", Arc::clone(&clock)), clock.now());
        assert_eq!(in_flight.oldest(), Duration::ZERO);
        let minute = Duration::from_secs(60);
        let young = in_flight.enter(now - minute);
        let (old, twin) = (in_flight.enter(now - 9 * minute), in_flight.enter(now - 9 * minute));
        assert!(in_flight.oldest() >= 9 * minute);
        drop(old);
        assert!(in_flight.oldest() >= 9 * minute, "another event of the same moment is still in flight");
        drop(twin);
        assert!((minute..2 * minute).contains(&in_flight.oldest()));
        drop(young);
        assert_eq!(in_flight.oldest(), Duration::ZERO);
    }
}
