//! When a batch consumer sends itself a message, to learn how far it has heard everything.

use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior};

/// How often a consumer that hears nothing asks the queue how far it is.
const TICKS: Duration = Duration::from_secs(5);

/// A tick that did not come back is not followed by another one so soon: the queue is long, or another replica's.
const LOST_AFTER: Duration = Duration::from_secs(60);

/// When to send the next tick.
pub(crate) struct Ticker {
    interval: tokio::time::Interval,
    under_way_since: Option<Instant>,
}

impl Ticker {
    /// The first tick is due at once: it also tells whether this replica is the one that works.
    pub(crate) fn new() -> Self {
        let mut interval = tokio::time::interval(TICKS);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { interval, under_way_since: None }
    }

    pub(crate) async fn is_due(&mut self) {
        loop {
            self.interval.tick().await;
            if self.under_way_since.is_none_or(|since| since.elapsed() > LOST_AFTER) {
                return;
            }
        }
    }

    pub(crate) fn sent(&mut self) {
        self.under_way_since = Some(Instant::now());
    }

    pub(crate) fn returned(&mut self, ticked: bool) {
        if ticked {
            self.under_way_since = None;
        }
    }
}
