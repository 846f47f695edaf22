//! The right to use a run: what a paid order opens. Payments owns it; others keep copies.

use time::OffsetDateTime;

use super::{CourseId, EntitlementId, OrderId, RunId, UserId, product::Grant};

/// A learner's right to use one run. It does not pile up: a second order for the same run counts from its own payment.
#[derive(Debug, Clone, PartialEq, Eq, values::Record)]
pub struct Entitlement {
    #[record(name = "learner_id", key)]
    pub learner: UserId,
    #[record(name = "entitlement_id", key)]
    pub id: EntitlementId,
    #[record(name = "order_id")]
    pub order: OrderId,
    #[record(name = "run_id")]
    pub run: RunId,
    #[record(name = "course_id")]
    pub course: CourseId,
    /// Title of the course.
    pub title: String,
    pub starts_at: OffsetDateTime,
    /// None for ever.
    pub ends_at: Option<OffsetDateTime>,
    #[record(flatten)]
    pub state: State,
    /// Version of the last event about it.
    pub version: i64,
}

/// Whether it holds between its start and its end.
#[derive(Debug, Clone, PartialEq, Eq, values::Record)]
pub enum State {
    Active,
    Revoked {
        #[record(name = "revoked_at")]
        at: OffsetDateTime,
        #[record(name = "revoked_reason")]
        reason: String,
    },
}

/// Why a refund takes it away.
pub const REFUNDED: &str = "REFUNDED";

impl Entitlement {
    /// Opens what an order was paid for.
    pub fn granted(id: EntitlementId, order: OrderId, learner: UserId, grant: Grant, now: OffsetDateTime) -> Self {
        let ends_at = grant.access.map(|access| now + access.get());
        let Grant { run, course, title, .. } = grant;
        Self { learner, id, order, run, course, title, starts_at: now, ends_at, state: State::Active, version: 1 }
    }

    /// Takes it away; none where that has happened already.
    pub fn revoked(self, reason: &str, now: OffsetDateTime) -> Option<Self> {
        match self.state {
            State::Active => {
                let state = State::Revoked { at: now, reason: reason.to_owned() };
                Some(Self { state, version: self.version + 1, ..self })
            }
            State::Revoked { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::product::Access;
    use time::{Duration, macros::datetime};
    use values::Id;

    const NOW: OffsetDateTime = datetime!(2026-03-02 09:00 UTC);

    fn granted(access: Option<Duration>) -> Entitlement {
        let access = access.map(|access| Access::parse(access).unwrap());
        let grant = Grant { run: Id::new(NOW), course: Id::new(NOW), title: "Sewing".into(), access };
        Entitlement::granted(Id::new(NOW), Id::new(NOW), Id::new(NOW), grant, NOW)
    }

    #[test]
    fn access_lasts_from_the_payment_for_as_long_as_was_sold() {
        assert_eq!(granted(None).ends_at, None);
        assert_eq!(granted(Some(Duration::days(30))).ends_at, Some(datetime!(2026-04-01 09:00 UTC)));
    }

    #[test]
    fn it_is_taken_away_only_once() {
        let revoked = granted(None).revoked(REFUNDED, NOW).unwrap();
        assert_eq!(revoked.version, 2);
        assert_eq!(revoked.revoked(REFUNDED, NOW), None);
    }
}
