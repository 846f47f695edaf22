//! The events themselves: written by COPY, told apart by moment and id, read in the order of time.

use std::collections::HashSet;

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::{event::Event, id::EventId};

/// How many bytes of a COPY are handed over at once: the connection's buffer stays as small.
const CHUNK: usize = 64 * 1024;

/// The first microsecond of PostgreSQL's calendar, in Unix time: 2000-01-01.
const EPOCH: i128 = 946_684_800_000_000;

/// Stores events that are new. It fails as a whole, by a unique violation, where one of them is not.
pub async fn copy(conn: &mut PgConnection, events: &[&Event], received_at: OffsetDateTime) -> Result<(), sqlx::Error> {
    copy_to(conn, "copy events from stdin (format binary)", events, received_at).await
}

/// Stores those events that are new and says which they were.
///
/// It costs two writes an event, so that [`copy`] comes first. The table beside lives until the end of the transaction.
pub async fn merge(
    conn: &mut PgConnection,
    events: &[&Event],
    received_at: OffsetDateTime,
) -> Result<HashSet<EventId>, sqlx::Error> {
    sqlx::raw_sql("create temp table incoming (like events) on commit drop").execute(&mut *conn).await?;
    copy_to(conn, "copy incoming from stdin (format binary)", events, received_at).await?;
    let stored: Vec<EventId> = sqlx::query_scalar(
        "insert into events
         select *
         from incoming
         order by occurred_at, event_id
         on conflict do nothing
         returning event_id",
    )
    .persistent(false)
    .fetch_all(conn)
    .await?;
    Ok(stored.into_iter().collect())
}

async fn copy_to(
    conn: &mut PgConnection,
    statement: &str,
    events: &[&Event],
    received_at: OffsetDateTime,
) -> Result<(), sqlx::Error> {
    let mut copy = conn.copy_in_raw(statement).await?;
    let mut buffer = Vec::with_capacity(CHUNK);
    buffer.extend_from_slice(b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0");
    for event in events {
        write_row(&mut buffer, event, received_at);
        if buffer.len() >= CHUNK {
            copy.send(buffer.as_slice()).await?;
            buffer.clear();
        }
    }
    buffer.extend_from_slice(&(-1_i16).to_be_bytes());
    copy.send(buffer.as_slice()).await?;
    copy.finish().await?;
    Ok(())
}

/// One row as COPY's binary format wants it, in the order of the table's columns.
fn write_row(out: &mut Vec<u8>, event: &Event, received_at: OffsetDateTime) {
    out.extend_from_slice(&9_i16.to_be_bytes());
    write_field(out, &microseconds(event.occurred_at).to_be_bytes());
    write_field(out, event.id.uuid().as_bytes());
    write_field(out, event.kind.as_bytes());
    write_field(out, event.aggregate_type.as_bytes());
    write_field(out, event.aggregate_id.as_bytes());
    write_field(out, &event.aggregate_version.to_be_bytes());
    write_field(out, event.actor.as_bytes());
    write_field(out, &microseconds(received_at).to_be_bytes());
    write_field(out, &event.payload);
}

fn write_field(out: &mut Vec<u8>, bytes: &[u8]) {
    // A message of the broker is far smaller than 2 GB.
    out.extend_from_slice(&i32::try_from(bytes.len()).unwrap_or(i32::MAX).to_be_bytes());
    out.extend_from_slice(bytes);
}

/// Microseconds since PostgreSQL's epoch; what is finer is cut off, so that a repetition has the same moment.
fn microseconds(at: OffsetDateTime) -> i64 {
    let microseconds = at.unix_timestamp_nanos().div_euclid(1_000) - EPOCH;
    i64::try_from(microseconds).unwrap_or(i64::MAX)
}

/// Where a reader of events is: at a moment, after the event with this id.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    pub at: OffsetDateTime,
    pub after: EventId,
}

impl Place {
    /// Before everything that happened at a moment or later.
    pub fn before(at: OffsetDateTime) -> Self {
        Self { at, after: EventId::from_uuid(Uuid::nil()) }
    }

    /// Behind an event.
    pub fn behind(event: &Event) -> Self {
        Self { at: event.occurred_at, after: event.id }
    }
}

/// The events that come next, in the order of their moments and ids.
pub async fn page(conn: &mut PgConnection, place: Place, limit: i64) -> Result<Vec<Event>, sqlx::Error> {
    sqlx::query_as(pg::sql!(
        "select ",
        Event,
        " from events
         where (occurred_at, event_id) > ($1, $2)
         order by occurred_at, event_id
         limit $3"
    ))
    .bind(place.at)
    .bind(place.after)
    .bind(limit)
    .fetch_all(conn)
    .await
}
