//! The relay: carries the outbox to the broker. A row leaves only after the broker confirmed that it stored the event.

use std::time::Duration;

use failpoint::failpoint;
use futures::future::join_all;
use lapin::options::BasicPublishOptions;
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel};
use pg::Pool;
use prost::Message;
use proto::wkt::Timestamp;
use sqlx::postgres::{PgListener, PgPoolOptions};
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;
use uuid::Uuid;
use values::SharedClock;

use crate::amqp::{Amqp, Backoff, Error, close, confirmed_channel, patiently, stored};
use crate::topology::{EVENTS, PERSONAL, declare_exchange};
use crate::{Envelope, trace};

/// How many events are published before the first of them has to be confirmed.
const BATCH: i64 = 200;

/// How long a relay sleeps at most: a notification that was lost costs this much.
const POLLED_EVERY: Duration = Duration::from_secs(1);

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
/// Of all replicas one works at a time, the others stand by: the lock is a session's, not a transaction's, so no
/// transaction is open while the broker is waited for, and it is free as soon as its holder dies. An event can reach
/// the broker twice where a relay dies between the confirmation and the deletion; inboxes see to that.
#[derive(Debug)]
pub struct Relay {
    pool: Pool,
    amqp: Amqp,
    clock: SharedClock,
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
        Self { pool, amqp, clock }
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
        let mut session = Session::open(&self.pool).await?;
        while !session.try_lock().await? {
            backoff.reset();
            if stop.run_until_cancelled(tokio::time::sleep(POLLED_EVERY)).await.is_none() {
                close(&connection, "stopped").await;
                return Ok(());
            }
            if !connection.status().connected() {
                return Err(Error::Silent);
            }
        }
        tracing::debug!("This relay is at work.");
        while !stop.is_cancelled() {
            let full = pass(&mut session, &channel).await?;
            backoff.reset();
            if !full {
                session.wait(stop).await?;
            }
        }
        session.unlock().await?;
        close(&connection, "stopped").await;
        Ok(())
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

/// Publishes one batch, deletes what was confirmed, and says whether there may be more.
async fn pass(session: &mut Session, channel: &Channel) -> Result<bool, Error> {
    let rows = session.oldest().await?;
    let full = i64::try_from(rows.len()) == Ok(BATCH);
    let published = join_all(rows.into_iter().map(|row| publish(channel, row))).await;
    let mut confirmed = Vec::with_capacity(published.len());
    let mut failure = None;
    for outcome in published {
        match outcome {
            Ok(position) => confirmed.push(position),
            Err(error) => failure = Some(error),
        }
    }
    if !confirmed.is_empty() {
        failpoint!("relay.published");
        session.delete(&confirmed).await?;
        failpoint!("relay.deleted");
    }
    failure.map_or(Ok(full), Err)
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

/// The one session that holds the lock, listens, reads and deletes; when it breaks, the lock and the term end with it.
struct Session {
    listener: PgListener,
}

impl Session {
    async fn open(pool: &Pool) -> Result<Self, Error> {
        // A pool of its own: a connection that went back to the service's pool would take the lock along.
        let options = pool.connect_options().as_ref().clone();
        let alone = PgPoolOptions::new()
            .max_connections(1)
            .acquire_timeout(Duration::from_secs(3))
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_lazy_with(options);
        let mut listener = PgListener::connect_with(&alone).await?;
        listener.eager_reconnect(false);
        listener.listen("outbox").await?;
        Ok(Self { listener })
    }

    async fn try_lock(&mut self) -> Result<bool, Error> {
        let locked = sqlx::query_scalar("select pg_try_advisory_lock($1)").bind(LOCK);
        Ok(locked.fetch_one(&mut self.listener).await?)
    }

    async fn unlock(&mut self) -> Result<(), Error> {
        sqlx::query("select pg_advisory_unlock($1)").bind(LOCK).execute(&mut self.listener).await?;
        Ok(())
    }

    async fn oldest(&mut self) -> Result<Vec<Row>, Error> {
        let rows = sqlx::query_as(
            "select position, event_id, type, personal, aggregate_type, aggregate_id, aggregate_version,
                    occurred_at, actor, traceparent, payload
             from outbox
             order by position
             limit $1",
        )
        .bind(BATCH);
        Ok(rows.fetch_all(&mut self.listener).await?)
    }

    async fn delete(&mut self, positions: &[i64]) -> Result<(), Error> {
        if !positions.is_empty() {
            let delete = sqlx::query("delete from outbox where position = any($1)").bind(positions);
            delete.execute(&mut self.listener).await?;
        }
        Ok(())
    }

    /// Sleeps until something is announced, a second is over or it is time to stop.
    async fn wait(&mut self, stop: &CancellationToken) -> Result<(), Error> {
        let notified = tokio::time::timeout(POLLED_EVERY, self.listener.try_recv());
        if let Some(Ok(received)) = stop.run_until_cancelled(notified).await {
            received?.ok_or(Error::Database(sqlx::Error::WorkerCrashed))?;
        }
        // Many announcements make one pass.
        while self.listener.next_buffered().is_some() {}
        Ok(())
    }
}
