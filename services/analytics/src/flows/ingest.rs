//! Stores the events that came in and counts what is new of it, in one transaction.

use std::collections::HashSet;

use failpoint::failpoint;
use sqlx::{Connection, PgConnection};
use time::OffsetDateTime;

use crate::app::App;
use crate::domain::event::{Event, Incoming};
use crate::domain::fact::Fact;
use crate::domain::id::EventId;
use crate::domain::month::Month;
use crate::error::Error;
use crate::flows::partition;
use crate::store;

/// Stores and counts a batch and says how many of its events were new; the others change nothing.
///
/// `complete_until` is what the batch says about everything before it: all that had arrived by then is counted with it.
pub async fn run(app: &App, incoming: &[Incoming], complete_until: Option<OffsetDateTime>) -> Result<usize, Error> {
    partition::make_room(app, incoming.iter().map(|one| Month::of(one.event.occurred_at))).await?;
    let received_at = app.clock.now();
    let events = once_each(incoming);
    let stored = pg::transaction(&app.db, async |conn| {
        store::progress::lock_to_hear(conn).await?;
        let new = add(conn, &events, received_at).await?;
        let facts = facts(incoming, new.as_ref());
        if !facts.is_empty() {
            store::rollups::apply(conn, &facts).await?;
        }
        if let Some(until) = complete_until {
            store::progress::heard_until(conn, until).await?;
        }
        failpoint!("ingest.stored");
        Ok::<_, Error>(new.map_or(events.len(), |new| new.len()))
    });
    let stored = stored.await?;
    failpoint!("ingest.committed");
    Ok(stored)
}

/// The events without repetitions, in an order that all replicas share, so that two of them never wait for each other.
fn once_each(incoming: &[Incoming]) -> Vec<&Event> {
    let mut events: Vec<&Event> = incoming.iter().map(|one| &one.event).collect();
    events.sort_unstable_by_key(|event| (event.occurred_at, event.id.uuid()));
    events.dedup_by_key(|event| event.id);
    events
}

/// Stores events and says which of them are new; nothing where all are, as nearly always.
async fn add(
    conn: &mut PgConnection,
    events: &[&Event],
    received_at: OffsetDateTime,
) -> Result<Option<HashSet<EventId>>, sqlx::Error> {
    if events.is_empty() {
        return Ok(None);
    }
    let mut attempt = conn.begin().await?;
    match store::events::copy(&mut attempt, events, received_at).await {
        Ok(()) => {
            attempt.commit().await?;
            Ok(None)
        }
        Err(sqlx::Error::Database(error)) if error.is_unique_violation() => {
            attempt.rollback().await?;
            Ok(Some(store::events::merge(conn, events, received_at).await?))
        }
        Err(error) => Err(error),
    }
}

/// The facts of the new events, each once.
fn facts(incoming: &[Incoming], new: Option<&HashSet<EventId>>) -> Vec<Fact> {
    let mut seen = HashSet::with_capacity(incoming.len());
    let fresh = incoming.iter().filter(|one| {
        let id = one.event.id;
        new.is_none_or(|new| new.contains(&id)) && seen.insert(id)
    });
    fresh.filter_map(|one| one.fact.clone()).collect()
}
