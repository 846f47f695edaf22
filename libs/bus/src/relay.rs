//! The relay: carries the outbox to the broker. A row leaves only after the broker confirmed that it stored the event.
//! Which rows there may be is found by search.

mod search;

use std::time::Duration;

use failpoint::failpoint;
use futures::future::join_all;
use lapin::options::BasicPublishOptions;
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel};
use pg::Pool;
use prost::Message;
use proto::wkt::Timestamp;
use sqlx::PgConnection;
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;
use uuid::Uuid;
use values::SharedClock;

use self::search::{PACE, Pace, Search};
use crate::amqp::{Amqp, Backoff, Error, close, confirmed_channel, patiently, stored};
use crate::topology::{EVENTS, PERSONAL, declare_exchange};
use crate::{Envelope, trace};

/// How many events are published before the first of them has to be confirmed.
const BATCH: usize = 200;

/// How soon a relay asks again for its turn while another one is at work.
const TURN_AFTER: Duration = Duration::from_millis(20);

/// How often the outbox is measured.
const MEASURED_EVERY: Duration = Duration::from_secs(5);

/// Rows beyond this are not counted; the backlog is "many" then.
const COUNTED_AT_MOST: i64 = 100_000;

/// The advisory lock of the relay that is at work, "outbox" in ASCII.
const LOCK: i64 = 0x6f75_7462_6f78;

/// AMQP's number for "store it on disk".
pub(crate) const PERSISTENT: u8 = 2;

/// Publishes what a service's transactions announced.
///
/// Each replica has one, and carries at once what its own process announced. One works at a time: its turn is a
/// transaction that holds an advisory lock and nothing else, no snapshot and no row, so that nobody has to wait for it
/// while it waits for the broker; and it ends with the relay. An event can reach the broker twice where a relay dies
/// between the confirmation and the commit of the deletion; inboxes see to that.
#[derive(Debug)]
pub struct Relay {
    pool: Pool,
    amqp: Amqp,
    clock: SharedClock,
    pace: Pace,
}

#[derive(sqlx::FromRow)]
struct Row {
    position: i64,
    event_id: Uuid,
    #[sqlx(rename = "type")]
    kind: String,
    personal: bool,
    aggregate_type: String,
    aggregate_id: Uuid,
    aggregate_version: i64,
    occurred_at: OffsetDateTime,
    actor: String,
    traceparent: String,
    payload: Vec<u8>,
}

impl Relay {
    /// Makes the relay of one service's database.
    pub fn new(pool: Pool, amqp: Amqp, clock: SharedClock) -> Self {
        Self { pool, amqp, clock, pace: PACE }
    }

    /// Relays until told to stop, then finishes the batch at hand.
    ///
    /// A broker or database that is down is waited for, however long: what was announced meanwhile stays in the outbox.
    pub async fn run(self, stop: CancellationToken) {
        tokio::join!(self.relay(&stop), self.measure(&stop));
    }

    async fn relay(&self, stop: &CancellationToken) {
        let mut backoff = Backoff::new();
        while !stop.is_cancelled() {
            let Err(error) = self.term(stop, &mut backoff).await else { return };
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "The relay was interrupted and starts again; events wait in the outbox."
            );
            metrics::counter!("bus_relay_interruptions_total").increment(1);
            backoff.pause(stop).await;
        }
    }

    /// Works from the connections' opening to their first error, or to the stop.
    async fn term(&self, stop: &CancellationToken, backoff: &mut Backoff) -> Result<(), Error> {
        let connection = self.amqp.connect("relay").await?;
        let channel = confirmed_channel(&connection).await?;
        declare_exchange(&channel, EVENTS).await?;
        declare_exchange(&channel, PERSONAL).await?;
        let mut search = Search::new(self.pace);
        tracing::debug!("This relay is at work.");
        while let Some(found) = search.next(&self.pool, stop).await? {
            match self.turn(&channel, &found).await? {
                Turn::Another => {
                    search.not_yet(found);
                    // Its broker may be stuck, which is no reason to give up ours.
                    stop.run_until_cancelled(tokio::time::sleep(TURN_AFTER)).await;
                }
                Turn::Ours(published) => {
                    if published? {
                        failpoint!("relay.deleted");
                        search.hurry();
                    }
                }
            }
            backoff.reset();
        }
        close(&connection, "stopped").await;
        Ok(())
    }

    /// Publishes what is still in the outbox of these rows, and deletes what was confirmed.
    async fn turn(&self, channel: &Channel, positions: &[i64]) -> Result<Turn, Error> {
        pg::transaction(&self.pool, async |conn| {
            if !try_lock(conn).await? {
                return Ok(Turn::Another);
            }
            // A statement of its own, which sees what the last one whose turn it was has deleted.
            let rows = rows(conn, positions).await?;
            let (confirmed, failure) = publish_all(channel, rows).await;
            if !confirmed.is_empty() {
                failpoint!("relay.published");
                delete(conn, &confirmed).await?;
            }
            Ok(Turn::Ours(failure.map_or(Ok(!confirmed.is_empty()), Err)))
        })
        .await
    }

    /// Keeps the gauges `outbox_rows` and `outbox_oldest_seconds` true.
    async fn measure(&self, stop: &CancellationToken) {
        loop {
            let measured: Result<(i64, Option<OffsetDateTime>), _> = sqlx::query_as(
                "select count(*), min(occurred_at)
                 from (select occurred_at from outbox order by position limit $1) as waiting",
            )
            .bind(COUNTED_AT_MOST)
            .fetch_one(&self.pool)
            .await;
            // Nothing is set where the database does not answer: an old figure is truer than a made-up one.
            if let Ok((rows, oldest)) = measured {
                let age = oldest.map_or(Duration::ZERO, |oldest| since(oldest, self.clock.now()));
                metrics::gauge!("outbox_rows").set(rows as f64);
                metrics::gauge!("outbox_oldest_seconds").set(age);
            }
            if stop.run_until_cancelled(tokio::time::sleep(MEASURED_EVERY)).await.is_none() {
                return;
            }
        }
    }
}

/// How long ago something happened; never negative, though clocks differ.
pub(crate) fn since(then: OffsetDateTime, now: OffsetDateTime) -> Duration {
    Duration::try_from(now - then).unwrap_or_default()
}

/// What came of asking for a turn.
enum Turn {
    /// Another relay is at work.
    Another,
    /// Whether there was anything, all of which is published now; or why not all of it is.
    Ours(Result<bool, Error>),
}

async fn try_lock(conn: &mut PgConnection) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("select pg_try_advisory_xact_lock($1)").bind(LOCK).fetch_one(conn).await
}

async fn rows(conn: &mut PgConnection, positions: &[i64]) -> Result<Vec<Row>, sqlx::Error> {
    sqlx::query_as(
        "select position, event_id, type, personal, aggregate_type, aggregate_id, aggregate_version,
                occurred_at, actor, traceparent, payload
         from outbox
         where position = any($1)
         order by position",
    )
    .bind(positions)
    .fetch_all(conn)
    .await
}

async fn delete(conn: &mut PgConnection, positions: &[i64]) -> Result<(), sqlx::Error> {
    sqlx::query("delete from outbox where position = any($1)").bind(positions).execute(conn).await?;
    Ok(())
}

/// Says which events the broker has stored, and why it has not stored the others.
async fn publish_all(channel: &Channel, rows: Vec<Row>) -> (Vec<i64>, Option<Error>) {
    let published = join_all(rows.into_iter().map(|row| publish(channel, row))).await;
    let mut confirmed = Vec::with_capacity(published.len());
    let mut failure = None;
    for outcome in published {
        match outcome {
            Ok(position) => confirmed.push(position),
            Err(error) => failure = Some(error),
        }
    }
    (confirmed, failure)
}

/// Publishes one event and waits until every queue that is bound has stored it; then its row may go.
async fn publish(channel: &Channel, row: Row) -> Result<i64, Error> {
    let span = tracing::info_span!(
        "publish",
        otel.name = format!("publish {}", row.kind),
        otel.kind = "producer",
        messaging.system = "rabbitmq",
        messaging.message.id = %row.event_id,
    );
    trace::resume(&span, &row.traceparent);
    let (position, exchange, key) = (row.position, if row.personal { PERSONAL } else { EVENTS }, row.kind.clone());
    let at = row.occurred_at.unix_timestamp();
    let properties = properties(&row.event_id.to_string(), &row.kind, &row.traceparent, at);
    let body = Envelope::from(row).encode_to_vec();
    let confirmation = async {
        let options = BasicPublishOptions::default();
        channel.basic_publish(exchange.into(), key.as_str().into(), options, &body, properties).await?.await
    };
    stored(patiently(confirmation).instrument(span).await?)?;
    metrics::counter!("bus_published_total", "type" => key).increment(1);
    Ok(position)
}

/// What a message says beside its body; `seconds` since 1970 is when it happened.
pub(crate) fn properties(id: &str, kind: &str, traceparent: &str, seconds: i64) -> BasicProperties {
    let mut headers = FieldTable::default();
    if !traceparent.is_empty() {
        headers.insert(trace::TRACEPARENT.into(), AMQPValue::LongString(traceparent.into()));
    }
    BasicProperties::default()
        .with_delivery_mode(PERSISTENT)
        .with_content_type("application/x-protobuf".into())
        .with_message_id(id.into())
        .with_type(kind.into())
        .with_timestamp(u64::try_from(seconds).unwrap_or_default())
        .with_headers(headers)
}

impl From<Row> for Envelope {
    fn from(row: Row) -> Self {
        Self {
            id: row.event_id.to_string(),
            r#type: row.kind,
            aggregate_type: row.aggregate_type,
            aggregate_id: row.aggregate_id.to_string(),
            aggregate_version: row.aggregate_version,
            occurred_at: Some(Timestamp::from(row.occurred_at)),
            actor: row.actor,
            traceparent: row.traceparent,
            payload: row.payload,
        }
    }
}
