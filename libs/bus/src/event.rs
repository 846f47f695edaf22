//! Announcing: an event becomes a row of the outbox in the transaction that causes it.

use prost::{Message, Name};
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;
use values::Id;

use crate::{Envelope, trace};

values::kinds! { EventKind => "event" }

/// What happened to an aggregate, ready to be announced.
#[derive(Clone, Debug)]
pub struct Event {
    kind: String,
    aggregate_type: &'static str,
    aggregate_id: Uuid,
    aggregate_version: i64,
    personal: bool,
    payload: Vec<u8>,
}

impl Event {
    /// Says that `payload` happened to an aggregate such as `("order", order.id)`, which has `aggregate_version` since.
    ///
    /// The version has to grow with each change of the aggregate, because copies apply only a higher one.
    pub fn new<P: Message + Name>(
        payload: &P,
        aggregate_type: &'static str,
        aggregate_id: Uuid,
        aggregate_version: i64,
    ) -> Self {
        let payload_bytes = payload.encode_to_vec();
        let kind = P::full_name();
        Self { kind, aggregate_type, aggregate_id, aggregate_version, personal: false, payload: payload_bytes }
    }

    /// Sends the event over the personal exchange, because it carries names, addresses or secrets.
    #[must_use]
    pub fn personal(mut self) -> Self {
        self.personal = true;
        self
    }
}

/// Who caused an event, and when.
#[derive(Clone, Copy, Debug)]
pub struct By<'a> {
    /// As `auth::Caller::actor` prints it.
    pub actor: &'a str,
    /// The instant of the whole change.
    pub now: OffsetDateTime,
}

impl<'a> By<'a> {
    /// Whoever caused the event that is being applied: what follows from it is theirs as well.
    pub fn cause(envelope: &'a Envelope, now: OffsetDateTime) -> Self {
        Self { actor: &envelope.actor, now }
    }
}

/// Where in the outbox something was announced by this process. Not `NOTIFY`: with that, all commits of a server would
/// wait for one another.
pub(crate) static ANNOUNCED: pg::Signal<i64> = pg::Signal::new();

/// Announces an event in the transaction of `conn`: it is heard if and only if that commits. In a
/// [`pg::transaction()`] it is at once.
///
/// The current span's trace goes along, so that a consumer's work belongs to it.
///
/// # Errors
///
/// The database's.
pub async fn announce(conn: &mut PgConnection, event: Event, by: By<'_>) -> Result<(), sqlx::Error> {
    let id = Id::<EventKind>::new(by.now);
    let position = sqlx::query_scalar(
        "insert into outbox (
             event_id, type, personal, aggregate_type, aggregate_id, aggregate_version,
             occurred_at, actor, traceparent, payload
         )
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
         returning position",
    )
    .bind(id)
    .bind(event.kind)
    .bind(event.personal)
    .bind(event.aggregate_type)
    .bind(event.aggregate_id)
    .bind(event.aggregate_version)
    .bind(by.now)
    .bind(by.actor)
    .bind(trace::current())
    .bind(event.payload)
    .fetch_one(conn)
    .await?;
    ANNOUNCED.send_after_commit(position);
    Ok(())
}
