//! Our copy of the payments service's entitlements: who may use which run, and until when. They gate; payments decides.

use time::OffsetDateTime;
use values::Record;

use super::id::{EntitlementId, LearnerId, OrderId, RunId};

/// What is known of one entitlement.
#[derive(Debug, Clone, PartialEq, Eq, Record)]
pub struct Entitlement {
    #[record(name = "entitlement_id")]
    pub id: EntitlementId,
    #[record(name = "learner_id")]
    pub learner: LearnerId,
    #[record(name = "run_id")]
    pub run: RunId,
    #[record(name = "order_id")]
    pub order: OrderId,
    pub starts_at: OffsetDateTime,
    /// None: for ever.
    pub ends_at: Option<OffsetDateTime>,
}

/// The time that several entitlements cover together, gaps included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reach {
    pub starts_at: OffsetDateTime,
    /// None: for ever.
    pub ends_at: Option<OffsetDateTime>,
}

/// What the live entitlements of one learner to one run reach; none when all of them are over.
pub fn reach(live: &[Entitlement], now: OffsetDateTime) -> Option<Reach> {
    let mut open = live.iter().filter(|entitlement| entitlement.ends_at.is_none_or(|end| now < end));
    let first = open.next()?;
    let first = Reach { starts_at: first.starts_at, ends_at: first.ends_at };
    Some(open.fold(first, |reach, next| Reach {
        starts_at: reach.starts_at.min(next.starts_at),
        ends_at: later(reach.ends_at, next.ends_at),
    }))
}

/// The later of two ends, where none means never.
pub fn later(one: Option<OffsetDateTime>, other: Option<OffsetDateTime>) -> Option<OffsetDateTime> {
    one.zip(other).map(|(one, other)| one.max(other))
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::{Duration, macros::datetime};

    const NOW: OffsetDateTime = datetime!(2026-03-02 09:00 UTC);

    fn entitlement(starts: i64, ends: Option<i64>) -> Entitlement {
        Entitlement {
            id: EntitlementId::new(NOW),
            learner: LearnerId::new(NOW),
            run: RunId::new(NOW),
            order: OrderId::new(NOW),
            starts_at: NOW + Duration::days(starts),
            ends_at: ends.map(|days| NOW + Duration::days(days)),
        }
    }

    #[test]
    fn the_widest_span_counts() {
        let reach_of = |live: &[Entitlement]| reach(live, NOW).map(|reach| (reach.starts_at, reach.ends_at));
        let day = |days| NOW + Duration::days(days);
        assert_eq!(reach_of(&[entitlement(0, Some(10)), entitlement(-5, Some(20))]), Some((day(-5), Some(day(20)))));
        assert_eq!(reach_of(&[entitlement(0, Some(10)), entitlement(1, None)]), Some((day(0), None)));
        assert_eq!(reach_of(&[entitlement(-9, Some(0))]), None, "the end is outside");
        assert_eq!(reach_of(&[]), None);
    }
}
