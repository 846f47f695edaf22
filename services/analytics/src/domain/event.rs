//! An event as it is kept, and which ones are refused at the door of the store.

use time::{Duration, OffsetDateTime};
use uuid::Uuid;
use values::Record;

use super::{fact::Fact, id::EventId};

/// Further ahead of our clock no service's clock can be.
const AHEAD_AT_MOST: Duration = Duration::days(1);

/// Names of types, aggregates and actors are short; something longer is no name.
const NAME_AT_MOST: usize = 200;

/// What happened, whatever its type means to us.
#[derive(Clone, Debug, PartialEq, Record)]
pub struct Event {
    #[record(name = "event_id")]
    pub id: EventId,
    #[record(name = "type")]
    pub kind: String,
    pub aggregate_type: String,
    pub aggregate_id: Uuid,
    pub aggregate_version: i64,
    pub occurred_at: OffsetDateTime,
    pub actor: String,
    pub payload: Vec<u8>,
}

/// An event that was heard, and what it says that is counted; nothing where this release does not know its type.
#[derive(Clone, Debug, PartialEq)]
pub struct Incoming {
    pub event: Event,
    pub fact: Option<Fact>,
}

/// Why an event is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("the event's clock is more than a day ahead")]
    Ahead,
    #[error("the event is older than events are kept")]
    TooOld,
    #[error("the envelope's {0} is no name")]
    BadName(&'static str),
}

impl Event {
    /// Refuses what has no place in the store; `kept_from` is where retention has cut.
    pub fn check(&self, now: OffsetDateTime, kept_from: OffsetDateTime) -> Result<(), Refused> {
        if self.occurred_at > now + AHEAD_AT_MOST {
            return Err(Refused::Ahead);
        }
        if self.occurred_at < kept_from {
            return Err(Refused::TooOld);
        }
        let names = [("type", &self.kind), ("aggregate_type", &self.aggregate_type), ("actor", &self.actor)];
        match names.into_iter().find(|(_, name)| name.len() > NAME_AT_MOST || name.contains('\0')) {
            Some((field, _)) => Err(Refused::BadName(field)),
            None if self.kind.is_empty() => Err(Refused::BadName("type")),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-26 12:00 UTC);
    const KEPT_FROM: OffsetDateTime = datetime!(2025-10-01 0:00 UTC);

    fn event(occurred_at: OffsetDateTime) -> Event {
        Event {
            id: EventId::from_uuid(Uuid::nil()),
            kind: "lyceum.events.v1.OrderPaid".to_owned(),
            aggregate_type: "order".to_owned(),
            aggregate_id: Uuid::nil(),
            aggregate_version: 1,
            occurred_at,
            actor: "anonymous".to_owned(),
            payload: Vec::new(),
        }
    }

    #[test]
    fn clocks_may_differ_but_not_by_more_than_a_day_and_what_is_dropped_does_not_come_back() {
        let check = |at| event(at).check(NOW, KEPT_FROM);
        assert_eq!(check(NOW), Ok(()));
        assert_eq!(check(NOW + Duration::days(1)), Ok(()));
        assert_eq!(check(NOW + Duration::days(1) + Duration::SECOND), Err(Refused::Ahead));
        assert_eq!(check(KEPT_FROM), Ok(()));
        assert_eq!(check(KEPT_FROM - Duration::SECOND), Err(Refused::TooOld));
    }

    #[test]
    fn what_a_text_column_cannot_hold_is_refused() {
        let named = |kind: &str| Event { kind: kind.to_owned(), ..event(NOW) }.check(NOW, KEPT_FROM);
        assert_eq!(named("a.new.Type"), Ok(()));
        for bad in ["", "a\0b", &"x".repeat(NAME_AT_MOST + 1)] {
            assert_eq!(named(bad), Err(Refused::BadName("type")));
        }
    }
}
