//! Growing delays for what may be tried, but not often: passwords and mails with codes.
//!
//! A try is counted before its outcome is known, so that many at once do not slip through; success gives it back.

use time::{Duration, OffsetDateTime};

/// How much is allowed of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// So many tries without any delay.
    pub free: i32,
    /// The delay after those; it doubles with each further try.
    pub first_delay: Duration,
    /// No delay is longer.
    pub longest_delay: Duration,
    /// After so long without a try, everything is forgotten.
    pub memory: Duration,
}

/// Wrong passwords for one e-mail address.
pub const PASSWORDS_OF_ACCOUNT: Policy = Policy {
    free: 5,
    first_delay: Duration::seconds(30),
    longest_delay: Duration::minutes(15),
    memory: Duration::hours(24),
};

/// Wrong passwords from one network address, behind which a whole class may sit.
pub const PASSWORDS_FROM_ADDRESS: Policy = Policy {
    free: 100,
    first_delay: Duration::minutes(1),
    longest_delay: Duration::hours(1),
    memory: Duration::hours(1),
};

/// Mails with a code to one address.
pub const CODES_TO_ADDRESS: Policy = Policy {
    free: 3,
    first_delay: Duration::minutes(1),
    longest_delay: Duration::hours(1),
    memory: Duration::hours(24),
};

/// The longest memory of all; what is older can be deleted.
pub const LONGEST_MEMORY: Duration = Duration::hours(24);

/// What was tried so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tries {
    pub count: i32,
    pub last_at: OffsetDateTime,
}

/// Too soon for another try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooSoon {
    pub retry_after: Duration,
}

impl Tries {
    /// Nothing so far.
    pub const fn none(now: OffsetDateTime) -> Self {
        Self { count: 0, last_at: now }
    }

    /// Counts one more try, or refuses it. A refused one does not count, so that hammering does not prolong the delay.
    pub fn one_more(self, policy: &Policy, now: OffsetDateTime) -> Result<Self, TooSoon> {
        if now - self.last_at >= policy.memory {
            return Ok(Self { count: 1, last_at: now });
        }
        let delay = self.delay(policy);
        let retry_after = self.last_at + delay - now;
        if delay > Duration::ZERO && retry_after > Duration::ZERO {
            return Err(TooSoon { retry_after });
        }
        // Whoever read the clock first may be counted second: a free try is free all the same.
        Ok(Self { count: self.count.saturating_add(1), last_at: now.max(self.last_at) })
    }

    fn delay(self, policy: &Policy) -> Duration {
        if self.count < policy.free {
            return Duration::ZERO;
        }
        // Twenty doublings exceed every longest delay; more would overflow.
        let doublings = (self.count - policy.free).min(20);
        (policy.first_delay * (1_i32 << doublings)).min(policy.longest_delay)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use time::macros::datetime;

    const NOW: OffsetDateTime = datetime!(2026-11-01 12:00 UTC);
    const POLICY: Policy = PASSWORDS_OF_ACCOUNT;

    #[test]
    fn a_free_try_that_is_counted_after_a_later_one_is_free() {
        let later = Tries { count: 1, last_at: NOW + Duration::milliseconds(3) };
        assert_eq!(later.one_more(&POLICY, NOW), Ok(Tries { count: 2, last_at: later.last_at }));
    }

    #[test]
    fn the_first_tries_are_free_and_then_delays_double_up_to_the_longest() {
        let (mut tries, mut now, mut delays) = (Tries::none(NOW), NOW, Vec::new());
        while delays.len() < 8 {
            match tries.one_more(&POLICY, now) {
                Ok(next) => tries = next,
                Err(TooSoon { retry_after }) => {
                    delays.push(retry_after.whole_seconds());
                    now += retry_after;
                }
            }
        }
        assert_eq!(delays, [30, 60, 120, 240, 480, 900, 900, 900]);
        assert_eq!(tries.count, 5 + 7);
    }

    #[test]
    fn a_refused_try_does_not_prolong_the_delay() {
        let locked = Tries { count: POLICY.free, last_at: NOW };
        let soon = NOW + Duration::seconds(29);
        assert_eq!(locked.one_more(&POLICY, soon), Err(TooSoon { retry_after: Duration::seconds(1) }));
        assert!(locked.one_more(&POLICY, NOW + Duration::seconds(30)).is_ok());
    }

    #[test]
    fn everything_is_forgotten_after_a_while() {
        let locked = Tries { count: 50, last_at: NOW };
        let forgotten = locked.one_more(&POLICY, NOW + POLICY.memory).unwrap();
        assert_eq!(forgotten.count, 1);
    }

    proptest! {
        #[test]
        fn no_delay_is_longer_than_the_longest(count in 0..=i32::MAX) {
            for policy in [PASSWORDS_OF_ACCOUNT, PASSWORDS_FROM_ADDRESS, CODES_TO_ADDRESS] {
                let tries = Tries { count, last_at: NOW };
                prop_assert!(tries.delay(&policy) <= policy.longest_delay);
                prop_assert!(tries.one_more(&policy, NOW + policy.longest_delay).is_ok());
                prop_assert!(policy.memory <= LONGEST_MEMORY);
            }
        }
    }
}
