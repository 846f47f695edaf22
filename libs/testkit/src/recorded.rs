//! What a service announced: the outbox, read before any relay does.

use pg::Pool;
use prost::{Message, Name};
use uuid::Uuid;

/// An event that waits in the outbox.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Recorded {
    /// Full name of the payload's message.
    pub kind: String,
    /// Whether it goes over the personal exchange.
    pub personal: bool,
    /// What kind of thing it happened to.
    pub aggregate_type: String,
    /// Which one.
    pub aggregate_id: Uuid,
    /// The aggregate's version since.
    pub aggregate_version: i64,
    /// Who caused it.
    pub actor: String,
    payload: Vec<u8>,
}

impl Recorded {
    /// The payload, if the event is a `P`.
    pub fn decode<P: Message + Name + Default>(&self) -> Option<P> {
        if self.kind != P::full_name() {
            return None;
        }
        Some(P::decode(&*self.payload).unwrap_or_else(|e| panic!("the outbox holds a broken {}: {e}", self.kind)))
    }
}

/// Every event in the outbox, in the order of their announcement.
pub async fn announced(pool: &Pool) -> Vec<Recorded> {
    sqlx::query_as(
        "select type as kind, personal, aggregate_type, aggregate_id, aggregate_version, actor, payload
         from outbox
         order by position",
    )
    .fetch_all(pool)
    .await
    .expect("the outbox can be read")
}
