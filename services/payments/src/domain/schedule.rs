//! When a provider is asked (once more) about what is not settled.

use std::str::FromStr;

use time::Duration;

/// Growing waits; the last one repeats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule(Vec<Duration>);

/// A list of waits that cannot be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected growing waits of at least a second, such as 60s,2m,5m")]
pub struct BadSchedule;

impl Schedule {
    /// Takes the waits.
    pub fn parse(waits: Vec<Duration>) -> Result<Self, BadSchedule> {
        let first = waits.first().ok_or(BadSchedule)?;
        let grows = waits.is_sorted() && *first >= Duration::seconds(1);
        if grows { Ok(Self(waits)) } else { Err(BadSchedule) }
    }

    /// How long to wait after an answer was lost: somebody is waiting for it, and the provider has most likely done its
    /// part already.
    pub fn soon(&self) -> Duration {
        self.after(0).min(Duration::seconds(3))
    }

    /// How long to wait after this many questions.
    pub fn after(&self, asked: i32) -> Duration {
        let asked = usize::try_from(asked).unwrap_or_default();
        // The list is never empty: `parse` saw to it.
        self.0.get(asked).or(self.0.last()).copied().unwrap_or(Duration::MINUTE)
    }
}

impl FromStr for Schedule {
    type Err = BadSchedule;

    /// Reads `60s,2m,1h`.
    fn from_str(text: &str) -> Result<Self, BadSchedule> {
        let wait = |text: &str| {
            let text = text.trim();
            let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
            let number: u32 = number.parse().ok()?;
            match unit {
                "s" => Some(Duration::seconds(number.into())),
                "m" => Some(Duration::minutes(number.into())),
                "h" => Some(Duration::hours(number.into())),
                _ => None,
            }
        };
        Self::parse(text.split(',').map(wait).collect::<Option<_>>().ok_or(BadSchedule)?)
    }
}

impl Default for Schedule {
    /// After a minute, then after 2, 5 and 15 minutes, then hourly.
    fn default() -> Self {
        Self([1, 2, 5, 15, 60].into_iter().map(Duration::minutes).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_the_last_one_repeats() {
        let schedule = Schedule::default();
        let waits: Vec<i64> = (0..7).map(|asked| schedule.after(asked).whole_minutes()).collect();
        assert_eq!(waits, [1, 2, 5, 15, 60, 60, 60]);
    }

    #[test]
    fn waits_are_read_as_operators_write_them() {
        assert_eq!("60s, 2m,5m,15m,1h".parse(), Ok(Schedule::default()));
        for bad in ["", "60", "s", "1d", "2m,1m", "0s", "1m,", "-1s", "й"] {
            assert_eq!(bad.parse::<Schedule>(), Err(BadSchedule), "{bad:?}");
        }
    }

    #[test]
    fn a_schedule_that_shrinks_or_hammers_is_refused() {
        for bad in [vec![], vec![Duration::ZERO], vec![Duration::minutes(2), Duration::minutes(1)]] {
            assert_eq!(Schedule::parse(bad), Err(BadSchedule));
        }
    }
}
