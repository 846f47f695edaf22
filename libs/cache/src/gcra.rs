//! The arithmetic of a rate limit: the generic cell rate algorithm, which needs one number a key and forgets evenly.
//!
//! Each request pushes a key's backlog further by `interval`; time works it off. A request that would push it beyond
//! `window` is refused. All times are microseconds. The same rule stands in the Lua script of `limit`.

/// A limit in the algorithm's terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pace {
    /// What one request costs.
    pub(crate) interval: u64,
    /// The longest backlog.
    pub(crate) window: u64,
}

impl Pace {
    /// `limit` requests in `window` microseconds.
    pub(crate) fn new(limit: u32, window: u64) -> Self {
        let interval = (window / u64::from(limit.max(1))).max(1);
        Self { interval, window: interval * u64::from(limit.max(1)) }
    }

    /// Decides over a key whose backlog is worked off at `free`; the new `free` when it may pass.
    pub(crate) fn decide(self, free: u64, now: u64) -> Result<u64, u64> {
        let pushed = free.max(now) + self.interval;
        if pushed - now > self.window { Err(free) } else { Ok(pushed) }
    }

    /// How many more requests fit.
    pub(crate) fn remaining(self, backlog: u64) -> u64 {
        self.window.saturating_sub(backlog) / self.interval
    }

    /// How long a refused request must wait.
    pub(crate) fn wait(self, backlog: u64) -> u64 {
        (backlog + self.interval).saturating_sub(self.window)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_passes_at_once_and_then_one_for_each_interval() {
        let pace = Pace::new(3, 3_000);
        let mut free = 0;
        for remaining in [2, 1, 0] {
            free = pace.decide(free, 10_000).unwrap();
            assert_eq!(pace.remaining(free - 10_000), remaining);
        }
        assert_eq!(pace.decide(free, 10_000), Err(free));
        assert_eq!(pace.wait(free - 10_000), 1_000);
        assert_eq!(pace.decide(free, 10_999), Err(free));
        free = pace.decide(free, 11_000).unwrap();
        assert_eq!(pace.decide(free, 11_500), Err(free));
        assert_eq!(pace.remaining(0), 3);
    }

    #[test]
    fn a_limit_that_does_not_divide_the_window_is_still_kept_exactly() {
        let pace = Pace::new(7, 1_000);
        let mut free = 0;
        let passed = (0..20).filter(|_| pace.decide(free, 0).map(|pushed| free = pushed).is_ok()).count();
        assert_eq!(passed, 7);
    }
}
