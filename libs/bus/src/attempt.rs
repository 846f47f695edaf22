//! One delivery of one event: applied, recognised as a repetition, put into a retry queue, or made a dead letter;
//! then acknowledged.

use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use failpoint::failpoint;
use futures::FutureExt;
use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, BasicNackOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel};
use prost::Message;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;
use uuid::Uuid;

use crate::amqp::{Backoff, Error, patiently};
use crate::careful::is_suspicious;
use crate::dead_letter::{UNKNOWN, shortened};
use crate::failure::Failed;
use crate::handler::AnyHandler;
use crate::relay::since;
use crate::retry::Retry;
use crate::topology::PAUSES;
use crate::{Consumer, Envelope, Failure, bindings, inbox, trace};

/// Headers of a message in a retry queue: how often it was tried, how often nobody knew it, and why it is there.
pub(crate) const ATTEMPTS: &str = "attempts";
pub(crate) const UNHEARD: &str = "unheard";
pub(crate) const REASON: &str = "reason";

/// How often an event is tried before it becomes a dead letter: for about an hour.
pub(crate) const ATTEMPTS_AT_MOST: u32 = 20;

/// How often an event waits for a release that knows it: for about a day.
const UNHEARD_AT_MOST: u32 = 296;

/// Each pause is taken twice before the next longer one.
const ATTEMPTS_PER_PAUSE: u32 = 2;

/// How long a handler may take.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Attempt<'a> {
    consumer: &'a Consumer,
    publishing: &'a Channel,
    delivery: Delivery,
    /// How often the event was tried, this time included.
    number: u32,
}

/// How an event that did not fail ended.
enum Applied {
    Now,
    Before,
}

impl<'a> Attempt<'a> {
    pub(crate) fn new(consumer: &'a Consumer, publishing: &'a Channel, delivery: Delivery) -> Self {
        let number = attempts(&delivery.properties).saturating_add(1);
        Self { consumer, publishing, delivery, number }
    }

    /// Whether its process may die of it.
    pub(crate) fn is_suspicious(&self) -> bool {
        is_suspicious(&self.delivery)
    }

    /// Works until the delivery is acknowledged; an error is the broker's.
    pub(crate) async fn run(self, stop: &CancellationToken) -> Result<(), Error> {
        let envelope = match Envelope::decode(&*self.delivery.data) {
            Ok(envelope) => envelope,
            Err(error) => return self.dead_letter(UNKNOWN, &format!("not an envelope: {error}"), stop).await,
        };
        let Ok(id) = Uuid::try_parse(&envelope.id) else {
            return self.dead_letter(&envelope.r#type, "the envelope has no event id", stop).await;
        };
        let span = tracing::info_span!(
            "consume",
            otel.name = format!("consume {}", envelope.r#type),
            otel.kind = "consumer",
            messaging.system = "rabbitmq",
            messaging.message.id = %id,
            event.attempt = self.number,
        );
        trace::resume(&span, &envelope.traceparent);
        self.work(&envelope, id, stop).instrument(span).await
    }

    async fn work(&self, envelope: &Envelope, id: Uuid, stop: &CancellationToken) -> Result<(), Error> {
        let kind = envelope.r#type.as_str();
        let Some(handler) = self.consumer.handlers.get(kind) else { return self.unheard(kind, id, stop).await };
        let moment = envelope.occurred_at.as_ref().and_then(|at| at.to_time());
        let _counted = moment.map(|moment| self.consumer.in_flight.enter(moment));
        let mut backoff = Backoff::new();
        loop {
            match self.apply(&**handler, envelope, id).await {
                Ok(Applied::Now) => {
                    failpoint!("consumer.committed");
                    self.measure_lag(envelope);
                    self.done(kind, "applied").await?;
                    failpoint!("consumer.acknowledged");
                    return Ok(());
                }
                Ok(Applied::Before) => return self.done(kind, "repeated").await,
                Err(failed) if failed.is_ours() => {
                    // The event is not at fault: it stays here, so that an outage makes no dead letters and reorders
                    // little.
                    tracing::warn!(
                        error = &failed.failure as &dyn std::error::Error,
                        "Event {id} waits for the database."
                    );
                    self.count(kind, "waited");
                    if !backoff.pause(stop).await {
                        return self.give_back().await;
                    }
                    if !self.publishing.status().connected() {
                        return Err(Error::Silent);
                    }
                }
                Err(failed) => {
                    let outcome = self.retry().failed(&self.delivery, self.number, kind, &failed.failure, stop).await?;
                    return self.done(kind, outcome).await;
                }
            }
        }
    }

    /// An event that this release does not know, but the queue was bound to: by a newer release, which runs beside this
    /// one or was rolled back, or by an older one, to which may be rolled back.
    ///
    /// It waits for a release that knows it, for a day and without a try being counted. Then a person decides. It is
    /// let go as soon as two releases in a row have not wanted it, which is when its binding is taken back.
    async fn unheard(&self, kind: &str, id: Uuid, stop: &CancellationToken) -> Result<(), Error> {
        let mut backoff = Backoff::new();
        let wanted = loop {
            match bindings::is_wanted(&self.consumer.pool, &self.consumer.topology.queue(), kind).await {
                Ok(wanted) => break wanted,
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "Event {id}, which this release does not know, waits for the database."
                    );
                    self.count(kind, "waited");
                    if !backoff.pause(stop).await {
                        return self.give_back().await;
                    }
                    if !self.publishing.status().connected() {
                        return Err(Error::Silent);
                    }
                }
            }
        };
        if !wanted {
            tracing::warn!(event.kind = kind, "Event {id} is let go: no release wants events of type {kind} any more.");
            return self.done(kind, "unheard").await;
        }
        let waited = count_of(&self.delivery.properties, UNHEARD).saturating_add(1);
        if waited > UNHEARD_AT_MOST {
            return self.dead_letter(kind, "for a day no release had a handler for it", stop).await;
        }
        let outcome = self.retry().wait_for_release(&self.delivery, waited, kind).await?;
        self.done(kind, outcome).await
    }

    /// Calls the handler in a transaction that also holds the inbox row.
    async fn apply(&self, handler: &dyn AnyHandler, envelope: &Envelope, id: Uuid) -> Result<Applied, Failed> {
        let (consumer, now) = (self.consumer, self.consumer.clock.now());
        let begun = &AtomicBool::new(false);
        let applied = pg::transaction(&consumer.pool, async |conn| {
            if !inbox::claim(conn, consumer.topology.service(), id, now).await? {
                return Ok(Applied::Before);
            }
            begun.store(true, Ordering::Relaxed);
            handler.handle(conn, envelope).await?;
            Ok(Applied::Now)
        });
        let applied = AssertUnwindSafe(tokio::time::timeout(PATIENCE, applied)).catch_unwind();
        let failure = match applied.await {
            Ok(Ok(Ok(applied))) => return Ok(applied),
            Ok(Ok(Err(failure))) => failure,
            Ok(Err(_)) if begun.load(Ordering::Relaxed) => {
                Failure::Retry(anyhow::anyhow!("the handler took longer than {PATIENCE:?}"))
            }
            Ok(Err(_)) => sqlx::Error::PoolTimedOut.into(),
            Err(_) => Failure::Retry(anyhow::anyhow!("the handler panicked")),
        };
        Err(Failed { failure, begun: begun.load(Ordering::Relaxed) })
    }

    async fn dead_letter(&self, kind: &str, reason: &str, stop: &CancellationToken) -> Result<(), Error> {
        let outcome = self.retry().dead_letter(&self.delivery, self.number, kind, reason, stop).await?;
        self.done(kind, outcome).await
    }

    fn retry(&self) -> Retry<'_> {
        self.consumer.retry(self.publishing)
    }

    async fn done(&self, kind: &str, outcome: &'static str) -> Result<(), Error> {
        self.count(kind, outcome);
        patiently(self.delivery.acker.ack(BasicAckOptions::default())).await?;
        Ok(())
    }

    async fn give_back(&self) -> Result<(), Error> {
        let options = BasicNackOptions { requeue: true, ..BasicNackOptions::default() };
        patiently(self.delivery.acker.nack(options)).await?;
        Ok(())
    }

    fn count(&self, kind: &str, outcome: &'static str) {
        self.retry().count(kind, outcome, 1);
    }

    fn measure_lag(&self, envelope: &Envelope) {
        if let Some(occurred_at) = envelope.occurred_at.as_ref().and_then(|at| at.to_time()) {
            let lag = since(occurred_at, self.consumer.clock.now());
            let service = self.consumer.topology.service();
            metrics::histogram!("bus_consumer_lag_seconds", "consumer" => service).record(lag);
        }
    }
}

/// Which pause follows the attempt with this number.
pub(crate) fn pause_after(attempt: u32) -> &'static str {
    let step = attempt.saturating_sub(1) / ATTEMPTS_PER_PAUSE;
    let last = PAUSES.len() - 1;
    PAUSES[usize::try_from(step).map_or(last, |step| step.min(last))].0
}

/// How often a message was tried, by its header.
pub(crate) fn attempts(properties: &BasicProperties) -> u32 {
    count_of(properties, ATTEMPTS)
}

/// A header that counts.
fn count_of(properties: &BasicProperties, header: &str) -> u32 {
    let headers = properties.headers().as_ref();
    match headers.and_then(|headers| headers.inner().get(header)) {
        Some(AMQPValue::LongInt(count)) => u32::try_from(*count).unwrap_or_default(),
        // As the management API writes numbers.
        Some(AMQPValue::LongLongInt(count)) => u32::try_from(*count).unwrap_or_default(),
        _ => 0,
    }
}

/// Headers of a message that is tried again later: how often it was tried, and why it failed.
pub(crate) fn retry_headers(attempts: u32, reason: &str) -> FieldTable {
    headers(&[(ATTEMPTS, attempts)], reason)
}

/// Headers of a message that waits for a release which knows it. Its tries are not used up by that.
pub(crate) fn unheard_headers(properties: &BasicProperties, unheard: u32, reason: &str) -> FieldTable {
    headers(&[(ATTEMPTS, attempts(properties)), (UNHEARD, unheard)], reason)
}

fn headers(counts: &[(&str, u32)], reason: &str) -> FieldTable {
    let mut headers = FieldTable::default();
    for (name, count) in counts {
        let count = i32::try_from(*count).unwrap_or(i32::MAX);
        headers.insert((*name).into(), AMQPValue::LongInt(count));
    }
    headers.insert(REASON.into(), AMQPValue::LongString(shortened(reason).into()));
    headers
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dead_letter::REASON_AT_MOST;
    use proptest::prelude::*;

    fn header(value: AMQPValue) -> BasicProperties {
        let mut headers = FieldTable::default();
        headers.insert(ATTEMPTS.into(), value);
        BasicProperties::default().with_headers(headers)
    }

    proptest! {
        #[test]
        fn any_message_is_an_envelope_or_is_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(envelope) = Envelope::decode(&*bytes) {
                prop_assert_eq!(Envelope::decode(&*envelope.encode_to_vec()), Ok(envelope.clone()));
                // What a consumer looks at before its handler does.
                let _ = (Uuid::try_parse(&envelope.id), envelope.occurred_at.as_ref().and_then(|at| at.to_time()));
                trace::resume(&tracing::Span::none(), &envelope.traceparent);
            }
        }

        #[test]
        fn an_envelope_with_damage_breaks_nothing(at in any::<prop::sample::Index>(), byte in any::<u8>(), text in any::<String>()) {
            let envelope = Envelope { id: text.clone(), r#type: text.clone(), traceparent: text, payload: vec![1, 2, 3], ..Envelope::default() };
            let mut bytes = envelope.encode_to_vec();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            let _ = Envelope::decode(&*bytes);
        }

        #[test]
        fn any_number_of_attempts_is_counted_on(long in any::<i64>(), int in any::<i32>(), text in any::<String>()) {
            for value in [AMQPValue::LongLongInt(long), AMQPValue::LongInt(int), AMQPValue::LongString(text.into()), AMQPValue::Void] {
                let attempts = attempts(&header(value));
                pause_after(attempts);
                pause_after(attempts.saturating_add(1));
            }
        }

        #[test]
        fn what_is_tried_again_says_how_often_it_was_tried(tried in 0..=i32::MAX as u32, reason in any::<String>()) {
            let headers = retry_headers(tried, &reason);
            prop_assert_eq!(attempts(&BasicProperties::default().with_headers(headers)), tried);
        }
    }

    #[test]
    fn pauses_grow_and_the_longest_stays() {
        let pauses: Vec<_> = (1..=11).map(pause_after).collect();
        assert_eq!(pauses, ["100ms", "100ms", "1s", "1s", "5s", "5s", "30s", "30s", "5m", "5m", "5m"]);
    }

    #[test]
    fn a_reason_is_cut_between_characters() {
        let long = "ё".repeat(REASON_AT_MOST + 1);
        assert_eq!(shortened(&long).chars().count(), REASON_AT_MOST);
        assert_eq!(shortened("short"), "short");
    }
}
