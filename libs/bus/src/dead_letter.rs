//! Dead letters: messages that a consumer gave up on, kept in the table `bus_dead_letters` of its service until a
//! person replays or drops them. Who looked into one or did something to it stands in a log.
//!
//! The consumer stores the row before it acknowledges the message. What the broker itself gave up, because it took the
//! process down each time, arrives in a queue of its own and is collected from there into the same table.

use std::collections::BTreeSet;
use std::time::Duration;

use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, BasicGetOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel};
use pg::Pool;
use prost::Message;
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use values::SharedClock;

use crate::Envelope;
use crate::amqp::{Amqp, Backoff, Error, close, confirmed_channel, patiently, publish_to_queue};
use crate::attempt::attempts;
use crate::relay::PERSISTENT;

/// How often the queue is looked at in which the broker leaves what it gave up. That is rare, and nobody waits for it.
const COLLECTED_EVERY: Duration = Duration::from_secs(10);

/// How often the rows are counted.
const MEASURED_EVERY: Duration = Duration::from_secs(15);

/// A reason is cut there; the whole of it is in the log.
pub(crate) const REASON_AT_MOST: usize = 500;

/// A message that was given up.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct DeadLetter {
    /// Where it stands among all of this database; a message that is given up once more gets a new one.
    pub position: i64,
    /// The queue that it came from, and goes back to.
    pub queue: String,
    /// The message's own id; of an event, the event's.
    pub message_id: String,
    /// The event's full name; `unknown` where the message is no event.
    #[sqlx(rename = "type")]
    pub kind: String,
    /// What the body is, if the message says so.
    pub content_type: Option<String>,
    /// What the message answers, if it is an answer.
    pub correlation_id: Option<String>,
    /// How often it was tried.
    pub attempts: i32,
    /// Why it was given up.
    pub reason: String,
    /// When.
    pub given_up_at: OffsetDateTime,
    /// The message as it came.
    pub body: Vec<u8>,
}

impl DeadLetter {
    /// Describes a delivery that is given up. `kind` is used where the message itself names no type.
    pub fn of(queue: &str, delivery: &Delivery, kind: &str, attempts: u32, reason: &str, now: OffsetDateTime) -> Self {
        let properties = &delivery.properties;
        let text = |value: &Option<lapin::types::ShortString>| value.as_ref().map(|text| storable(text.as_str()));
        Self {
            position: 0,
            queue: queue.to_owned(),
            message_id: text(properties.message_id()).unwrap_or_else(|| event_id(&delivery.data)),
            kind: text(properties.kind()).filter(|_| kind == UNKNOWN).unwrap_or_else(|| storable(kind)),
            content_type: text(properties.content_type()),
            correlation_id: text(properties.correlation_id()),
            attempts: i32::try_from(attempts).unwrap_or(i32::MAX),
            reason: storable(shortened(reason)),
            given_up_at: now,
            body: delivery.data.clone(),
        }
    }

    /// The event; absent where the message is not one.
    pub fn envelope(&self) -> Option<Envelope> {
        Envelope::decode(&*self.body).ok()
    }

    /// What goes back to the queue says beside its body: as it came, with all attempts ahead.
    fn properties(&self) -> BasicProperties {
        let mut properties = BasicProperties::default()
            .with_delivery_mode(PERSISTENT)
            .with_message_id(self.message_id.as_str().into())
            .with_type(self.kind.as_str().into())
            .with_headers(FieldTable::default());
        if let Some(text) = &self.content_type {
            properties = properties.with_content_type(text.as_str().into());
        }
        if let Some(text) = &self.correlation_id {
            properties = properties.with_correlation_id(text.as_str().into());
        }
        properties
    }
}

/// The id of an event whose message has none. What is no event gets one; then a repetition makes a second row, which
/// harms nobody.
fn event_id(body: &[u8]) -> String {
    let envelope = Envelope::decode(body).ok().filter(|envelope| Uuid::try_parse(&envelope.id).is_ok());
    envelope.map_or_else(|| Uuid::new_v4().to_string(), |envelope| envelope.id)
}

/// The type of a message that is no event.
pub(crate) const UNKNOWN: &str = "unknown";

/// PostgreSQL's texts hold no NUL, and a broken message may.
fn storable(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// Cuts a reason for a row or a header.
pub(crate) fn shortened(reason: &str) -> &str {
    let end = reason.char_indices().nth(REASON_AT_MOST).map_or(reason.len(), |(end, _)| end);
    &reason[..end]
}

/// Stores a dead letter; one that is there already is renewed.
///
/// # Errors
///
/// The database's.
pub async fn store(pool: &Pool, letter: &DeadLetter) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into bus_dead_letters (
             queue, message_id, type, content_type, correlation_id, attempts, reason, given_up_at, body
         )
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         on conflict on constraint bus_dead_letters_pk do update
         set position = default, attempts = excluded.attempts, reason = excluded.reason,
             given_up_at = excluded.given_up_at, body = excluded.body",
    )
    .bind(&letter.queue)
    .bind(&letter.message_id)
    .bind(&letter.kind)
    .bind(&letter.content_type)
    .bind(&letter.correlation_id)
    .bind(letter.attempts)
    .bind(&letter.reason)
    .bind(letter.given_up_at)
    .bind(&letter.body)
    .execute(pool)
    .await?;
    Ok(())
}

/// Which dead letters somebody means.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// Those with these ids; all where there is none.
    pub ids: Vec<String>,
    /// Those of this type.
    pub kind: Option<String>,
}

/// How many dead letters are read at once: a bug in a busy service makes many, and a pod has little memory.
const PAGE: i64 = 200;

/// Reads the oldest dead letters of a service, and changes nothing.
///
/// # Errors
///
/// The database's.
pub async fn list(pool: &Pool) -> Result<Vec<DeadLetter>, sqlx::Error> {
    page(pool, &Choice::default(), 0).await
}

/// Reads the next dead letters of a choice, oldest first, from those behind a position, and changes nothing. Empty
/// where there are no more.
///
/// # Errors
///
/// The database's.
pub async fn page(pool: &Pool, choice: &Choice, after: i64) -> Result<Vec<DeadLetter>, sqlx::Error> {
    let page = sqlx::query_as(
        "select position, queue, message_id, type, content_type, correlation_id, attempts, reason, given_up_at, body
         from bus_dead_letters
         where position > $1
           and (cardinality($2::text[]) = 0 or message_id = any($2))
           and ($3::text is null or type = $3)
         order by position
         limit $4",
    );
    page.bind(after).bind(&choice.ids).bind(&choice.kind).bind(PAGE).fetch_all(pool).await
}

/// Where the newest dead letter stands; what is given up from now on stands behind it.
///
/// # Errors
///
/// The database's.
pub async fn newest(pool: &Pool) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("select coalesce(max(position), 0) from bus_dead_letters").fetch_one(pool).await
}

/// Sends dead letters back to their queues with all attempts ahead, and says how many.
///
/// A row goes only after the broker confirmed its copy. Who dies in between leaves both, and the inbox notices the
/// repetition. What is given up again meanwhile has a new position and stays.
///
/// # Errors
///
/// The broker's or the database's; what was sent back before stays sent.
pub async fn replay(pool: &Pool, amqp: &Amqp, letters: &[DeadLetter]) -> Result<usize, Error> {
    if letters.is_empty() {
        return Ok(0);
    }
    let connection = amqp.connect("dead letters").await?;
    let channel = confirmed_channel(&connection).await?;
    // The broker confirms what it has no queue for, and drops it.
    for queue in letters.iter().map(|letter| letter.queue.as_str()).collect::<BTreeSet<_>>() {
        let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        patiently(channel.queue_declare(queue.into(), passive, FieldTable::default())).await?;
    }
    for letter in letters {
        publish_to_queue(&channel, &letter.queue, &letter.body, letter.properties()).await?;
        delete(pool, letter).await?;
    }
    close(&connection, "replayed").await;
    Ok(letters.len())
}

/// Throws dead letters away for good, and says how many.
///
/// # Errors
///
/// The database's; what was thrown away before stays away.
pub async fn discard(pool: &Pool, letters: &[DeadLetter]) -> Result<usize, sqlx::Error> {
    for letter in letters {
        delete(pool, letter).await?;
    }
    Ok(letters.len())
}

/// What somebody did to a dead letter, or saw of it.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Entry {
    /// When.
    pub at: OffsetDateTime,
    /// Who, as they said.
    pub actor: String,
    /// On which host, in Kubernetes which pod.
    pub host: String,
    /// The word of the verb.
    pub action: String,
    /// The queue that it came from.
    pub queue: String,
    /// The message's own id.
    pub message_id: String,
    /// The event's full name.
    #[sqlx(rename = "type")]
    pub kind: String,
    /// How often it had been tried.
    pub attempts: i32,
    /// Why it had been given up.
    pub reason: String,
    /// When it had been given up.
    pub given_up_at: OffsetDateTime,
}

/// Who does something to dead letters, and what.
#[derive(Clone, Copy, Debug)]
pub struct Deed<'a> {
    /// The word of the verb.
    pub action: &'a str,
    /// Who, as they say.
    pub actor: &'a str,
    /// On which host.
    pub host: &'a str,
    /// When.
    pub at: OffsetDateTime,
}

/// Notes in the log what is about to be done. Before, not afterwards: a deed that fails half-way has been tried.
///
/// # Errors
///
/// The database's; then it must not be done.
pub async fn note(pool: &Pool, deed: Deed<'_>, letters: &[DeadLetter]) -> Result<(), sqlx::Error> {
    let positions: Vec<i64> = letters.iter().map(|letter| letter.position).collect();
    let noted = sqlx::query(
        "insert into bus_dead_letter_log (
             at, actor, host, action, queue, message_id, type, attempts, reason, given_up_at
         )
         select $1, $2, $3, $4, queue, message_id, type, attempts, reason, given_up_at
         from bus_dead_letters
         where position = any($5)
         order by position",
    );
    noted.bind(deed.at).bind(deed.actor).bind(deed.host).bind(deed.action).bind(positions).execute(pool).await?;
    Ok(())
}

/// Reads the newest entries of the log, newest first.
///
/// # Errors
///
/// The database's.
pub async fn log(pool: &Pool) -> Result<Vec<Entry>, sqlx::Error> {
    let newest = sqlx::query_as(
        "select at, actor, host, action, queue, message_id, type, attempts, reason, given_up_at
         from bus_dead_letter_log
         order by position desc
         limit $1",
    );
    newest.bind(PAGE).fetch_all(pool).await
}

async fn delete(pool: &Pool, letter: &DeadLetter) -> Result<(), sqlx::Error> {
    sqlx::query("delete from bus_dead_letters where queue = $1 and message_id = $2 and position = $3")
        .bind(&letter.queue)
        .bind(&letter.message_id)
        .bind(letter.position)
        .execute(pool)
        .await?;
    Ok(())
}

/// Where a consumer leaves what it gives up.
#[derive(Clone, Copy, Debug)]
pub struct DeadLetters<'a> {
    /// The service, as metrics call it.
    pub service: &'static str,
    /// The queue that is consumed.
    pub queue: &'a str,
    /// The service's database.
    pub pool: &'a Pool,
    /// The service's clock.
    pub clock: &'a SharedClock,
    /// The channel on which messages are taken: a store that is waited for in vain ends with it.
    pub channel: &'a Channel,
}

impl DeadLetters<'_> {
    /// Stores a delivery with its reason. The caller acknowledges it afterwards.
    ///
    /// A database that is down is waited for: the message stays with the broker until it is stored.
    ///
    /// # Errors
    ///
    /// It was told to stop, or lost the broker, before the database was back.
    pub async fn keep(
        &self,
        delivery: &Delivery,
        kind: &str,
        attempts: u32,
        reason: &str,
        stop: &CancellationToken,
    ) -> Result<(), Error> {
        let letter = DeadLetter::of(self.queue, delivery, kind, attempts, reason, self.clock.now());
        let mut backoff = Backoff::new();
        while let Err(error) = store(self.pool, &letter).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "A dead letter waits for the database.");
            if !backoff.pause(stop).await {
                return Err(error.into());
            }
            if !self.channel.status().connected() {
                return Err(Error::Silent);
            }
        }
        let kind = letter.kind;
        tracing::error!(
            event.kind = kind,
            "A message became a dead letter after {attempts} attempts: {}",
            letter.reason
        );
        let labels = [("consumer", self.service.to_owned()), ("type", kind)];
        metrics::counter!("bus_dead_letters_total", &labels).increment(1);
        Ok(())
    }

    /// Moves what the broker gave up from its queue into the table, until that is empty or the database does not
    /// answer.
    ///
    /// # Errors
    ///
    /// The broker's, or as of [`Self::keep`].
    pub async fn collect(&self, from: &str, stop: &CancellationToken) -> Result<(), Error> {
        loop {
            // What is taken and given back is counted by the broker, and in the end thrown away, if its queue has a
            // limit after all: so nothing is taken that could not be stored at once.
            if sqlx::query("select 1").execute(self.pool).await.is_err() {
                return Ok(());
            }
            let get = self.channel.basic_get(from.into(), BasicGetOptions::default());
            let Some(message) = patiently(get).await? else { return Ok(()) };
            let delivery = message.delivery;
            let kind = Envelope::decode(&*delivery.data).map_or(UNKNOWN.to_owned(), |envelope| envelope.r#type);
            let (tried, reason) = given_up_by_the_broker(&delivery.properties);
            self.keep(&delivery, &kind, tried, &reason, stop).await?;
            patiently(delivery.acker.ack(BasicAckOptions::default())).await?;
        }
    }

    /// Collects from time to time. Returns only to report a failure.
    pub async fn collect_always(&self, from: &str, stop: &CancellationToken) -> Error {
        loop {
            if let Err(error) = self.collect(from, stop).await {
                return error;
            }
            tokio::time::sleep(COLLECTED_EVERY).await;
        }
    }
}

/// How often a message was delivered, and the broker's name for its reason, such as `delivery_limit`.
fn given_up_by_the_broker(properties: &BasicProperties) -> (u32, String) {
    let headers = properties.headers().as_ref();
    let header = |name: &str| headers.and_then(|headers| headers.inner().get(name));
    let reason = match header("x-first-death-reason") {
        Some(AMQPValue::LongString(text)) => String::from_utf8_lossy(text.as_bytes()).into_owned(),
        Some(AMQPValue::ShortString(text)) => text.as_str().to_owned(),
        _ => "given up by the broker".to_owned(),
    };
    (attempts(properties), reason)
}

/// Keeps the gauge `bus_dead_letter_rows{consumer}` true until told to stop.
pub(crate) async fn measure(service: &'static str, pool: &Pool, stop: &CancellationToken) {
    loop {
        let counted: Result<i64, _> = sqlx::query_scalar("select count(*) from bus_dead_letters").fetch_one(pool).await;
        // Nothing is set where the database does not answer: an old figure is truer than a made-up one.
        if let Ok(rows) = counted {
            metrics::gauge!("bus_dead_letter_rows", "consumer" => service).set(rows as f64);
        }
        if stop.run_until_cancelled(tokio::time::sleep(MEASURED_EVERY)).await.is_none() {
            return;
        }
    }
}
