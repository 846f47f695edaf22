//! The clock, passed in so that tests can set it.

use std::{fmt, sync::Arc};
use time::OffsetDateTime;

/// Tells the time. Services hold one `SharedClock` and ask nothing else.
pub trait Clock: Send + Sync + fmt::Debug {
    /// The present instant in UTC, truncated to microseconds: what PostgreSQL keeps, so that a stored instant equals
    /// itself.
    fn now(&self) -> OffsetDateTime;
}

/// The clock that a service holds.
pub type SharedClock = Arc<dyn Clock>;

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock that everybody else asks")]
    fn now(&self) -> OffsetDateTime {
        let now = OffsetDateTime::now_utc();
        now.replace_nanosecond(now.nanosecond() / 1_000 * 1_000).unwrap_or(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_has_no_more_digits_than_the_database_keeps() {
        assert_eq!(SystemClock.now().nanosecond() % 1_000, 0);
    }
}
