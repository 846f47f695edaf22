//! What this service is configured with beside what all have in common.

use std::time::Duration;

use service::Env;
use values::TimeZone;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How long events are kept where nothing else is said: a year and a month, so that each month has its counterpart.
const RETENTION: Duration = DAY.saturating_mul(400);

/// What comes late has to find its month; and no longer than a century.
const SHORTEST_RETENTION: Duration = DAY.saturating_mul(35);
const LONGEST_RETENTION: Duration = DAY.saturating_mul(36_500);

#[derive(Debug, Clone)]
pub struct Config {
    /// How long events are kept.
    pub retention: Duration,
    /// In which days, weeks and months are counted.
    pub zone: TimeZone,
}

impl Config {
    /// Reads the variables that the README lists. `None` after a mistake, which `env` remembers.
    pub fn read(env: &mut Env) -> Option<Self> {
        let retention = env.duration("LYCEUM_EVENT_RETENTION", RETENTION);
        if retention.is_some_and(|retention| !(SHORTEST_RETENTION..=LONGEST_RETENTION).contains(&retention)) {
            env.refuse("LYCEUM_EVENT_RETENTION", "is refused, expected 35d to 36500d");
        }
        let zone = env.or("LYCEUM_SCHOOL_ZONE", TimeZone::parse("Europe/Moscow").ok()?);
        Some(Self { retention: retention?, zone: zone? })
    }
}
