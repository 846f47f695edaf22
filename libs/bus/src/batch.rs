//! The batch consumer: takes everything that is announced, many events at a time, for a service that stores rather than acts.
//!
//! Its handler owns the transaction and recognises repetitions itself; there is no inbox.

use std::collections::HashMap;
use std::ops::Range;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicNackOptions, BasicQosOptions};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel};
use prost::Message;
use proto::wkt::Timestamp;
use time::OffsetDateTime;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use values::SharedClock;

use crate::amqp::{Amqp, Backoff, Error, close, confirmed_channel, patiently, publish_to_queue};
use crate::aside::Aside;
use crate::attempt::{ATTEMPTS_AT_MOST, attempts};
use crate::consumer::offer_unrouted;
use crate::held::Held;
use crate::relay::since;
use crate::topology::{Topology, declare};
use crate::{Envelope, Failure};

/// How many events are applied at once at most. Twice as many are taken: the next batch gathers while one is at work.
const BATCH: usize = 2_000;

/// How long the first event of a batch waits for others. Each batch costs a commit here and a write of the queue's log there: in
/// large batches an event took 18 µs of CPU instead of 22.
const GATHERED_FOR: Duration = Duration::from_millis(200);

/// How many deliveries are moved on at once where many have arrived.
const CHUNK: usize = 256;

/// How long one batch may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often a consumer that hears nothing asks the queue how far it is.
const TICKS: Duration = Duration::from_secs(5);

/// A tick that did not come back is not followed by another one so soon: the queue is long, or another replica's.
const LOST_AFTER: Duration = Duration::from_secs(60);

/// The type of our own message to ourselves: what stands before it in the queue has arrived before it.
const TICK: &str = "lyceum.bus.Tick";

/// What is done with batches.
pub trait BatchHandler: Send + Sync + 'static {
    /// An event as it is applied.
    type Item: Send + Sync;

    /// Reads an event, without looking anywhere; what it refuses is parked with this reason.
    ///
    /// # Errors
    ///
    /// Why the event can never be applied.
    fn admit(&self, envelope: Envelope) -> Result<Self::Item, String>;

    /// Applies events in one transaction, all or none, and each once however often it comes.
    ///
    /// `complete_until`, if there, is a moment of which every event that had arrived by then is applied with this batch, but for
    /// those that were put off or parked. A batch that fails is cut in halves until the event is found that is at fault.
    fn apply(
        &self,
        items: &[Self::Item],
        complete_until: Option<OffsetDateTime>,
    ) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// Hears every event of the exchange of everybody, also those of types that are not known yet, and applies them in batches.
#[derive(Debug)]
pub struct BatchConsumer<H> {
    topology: Topology,
    amqp: Amqp,
    clock: SharedClock,
    handler: H,
    held: Held,
}

/// Events that are applied together, with the messages that they came in.
struct Batch<T> {
    items: Vec<T>,
    messages: Vec<Admitted>,
    complete_until: Option<OffsetDateTime>,
}

/// A message whose event was admitted.
struct Admitted {
    delivery: Delivery,
    kind: String,
    occurred_at: Option<OffsetDateTime>,
}

impl<H: BatchHandler> BatchConsumer<H> {
    /// Makes the batch consumer of a service. Replicas share one queue; one of them works, the others stand by.
    pub fn new(service: &'static str, amqp: Amqp, clock: SharedClock, handler: H) -> Self {
        let held = Held::new(service, clock.clone());
        Self { topology: Topology::new(service).hears_everything().in_order(), amqp, clock, handler, held }
    }

    /// Declares the service's queues without consuming, as `migrate` does before the first start.
    ///
    /// # Errors
    ///
    /// The broker cannot be reached, or has a queue of the same name that was declared otherwise.
    pub async fn declare(&self) -> Result<(), Error> {
        declare(&self.amqp, &self.topology).await
    }

    /// Consumes until told to stop, then finishes the batch at hand.
    ///
    /// A broker or database that is down is waited for, however long. An event that was taken but not acknowledged comes again.
    pub async fn run(self, stop: CancellationToken) {
        tokio::join!(self.hear(&stop), self.held.measure(&stop));
    }

    async fn hear(&self, stop: &CancellationToken) {
        let mut backoff = Backoff::new();
        while !stop.is_cancelled() {
            let Err(error) = self.session(stop, &mut backoff).await else { return };
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "The batch consumer was interrupted and connects again; events wait in its queue."
            );
            metrics::counter!("bus_consumer_interruptions_total").increment(1);
            backoff.pause(stop).await;
        }
    }

    /// Works from the connection's opening to its first error, or to the stop.
    async fn session(&self, stop: &CancellationToken, backoff: &mut Backoff) -> Result<(), Error> {
        let connection = self.amqp.connect(&format!("{} consumer", self.topology.service())).await?;
        let publishing = confirmed_channel(&connection).await?;
        self.topology.declare_on(&publishing).await?;
        let consuming = patiently(connection.create_channel()).await?;
        let taken = u16::try_from(2 * BATCH).unwrap_or(u16::MAX);
        patiently(consuming.basic_qos(taken, BasicQosOptions::default())).await?;
        backoff.reset();
        let offering = confirmed_channel(&connection).await?;
        tokio::select! {
            worked = self.consume(&consuming, &publishing, stop) => worked?,
            failed = offer_unrouted(&self.topology, &offering) => return Err(failed),
        }
        close(&connection, "stopped").await;
        Ok(())
    }

    async fn consume(&self, consuming: &Channel, publishing: &Channel, stop: &CancellationToken) -> Result<(), Error> {
        let queue = self.topology.queue();
        let tag = format!("{queue}.consumer");
        let options = BasicConsumeOptions::default();
        let consume =
            consuming.basic_consume(queue.as_str().into(), tag.as_str().into(), options, FieldTable::default());
        let mut deliveries = patiently(consume).await?.ready_chunks(CHUNK);
        let mut gathered: Vec<Delivery> = Vec::new();
        let mut due = None;
        let mut at_work = FuturesUnordered::new();
        let mut ticker = Ticker::new();
        loop {
            let ready = gathered.len() >= BATCH || due.is_some_and(|due| due <= Instant::now());
            if ready && at_work.is_empty() {
                at_work.push(self.settle(publishing, std::mem::take(&mut gathered), stop));
                due = None;
            }
            tokio::select! {
                () = stop.cancelled() => break,
                Some(done) = at_work.next(), if !at_work.is_empty() => ticker.heard(done?),
                chunk = deliveries.next(), if gathered.len() < BATCH => {
                    for delivery in chunk.ok_or(Error::Silent)? {
                        gathered.push(delivery?);
                    }
                    due.get_or_insert_with(|| Instant::now() + GATHERED_FOR);
                }
                () = at(due), if at_work.is_empty() => {}
                () = ticker.is_due() => {
                    ticker.sent();
                    self.tick(publishing, &queue).await?;
                }
            }
        }
        patiently(consuming.basic_cancel(tag.into(), BasicCancelOptions::default())).await?;
        while let Some(done) = at_work.next().await {
            done?;
        }
        Ok(())
    }

    /// Puts a message to ourselves at the end of the queue.
    async fn tick(&self, publishing: &Channel, queue: &str) -> Result<(), Error> {
        let tick = Envelope {
            id: Uuid::new_v4().to_string(),
            r#type: TICK.to_owned(),
            occurred_at: Some(Timestamp::from(self.clock.now())),
            ..Envelope::default()
        };
        let properties = BasicProperties::default().with_type(TICK.into());
        publish_to_queue(publishing, queue, &tick.encode_to_vec(), properties).await
    }

    /// Works until every delivery is applied or put aside, acknowledges all at once, and says whether a tick was among them.
    async fn settle(
        &self,
        publishing: &Channel,
        mut gathered: Vec<Delivery>,
        stop: &CancellationToken,
    ) -> Result<bool, Error> {
        let aside = Aside { service: self.topology.service(), publishing, clock: &self.clock };
        let Some(last) = gathered.last().map(|delivery| delivery.acker.clone()) else { return Ok(false) };
        metrics::histogram!("bus_batch_events", "consumer" => aside.service).record(gathered.len() as f64);
        let mut batch = Batch { items: Vec::new(), messages: Vec::new(), complete_until: None };
        let (mut ticked, now) = (false, self.clock.now());
        for delivery in gathered.drain(..) {
            let envelope = match Envelope::decode(&*delivery.data) {
                Ok(envelope) => envelope,
                Err(error) => {
                    let reason = format!("not an envelope: {error}");
                    aside.park(&delivery, attempts(&delivery.properties) + 1, "unknown", &reason).await?;
                    aside.count("unknown", "parked", 1);
                    continue;
                }
            };
            let occurred_at = envelope.occurred_at.as_ref().and_then(|at| at.to_time());
            // What stands before a message in the queue arrived before it, and so before it happened. A clock that is ahead proves nothing.
            batch.complete_until = batch.complete_until.max(occurred_at.filter(|at| *at <= now));
            if envelope.r#type == TICK {
                ticked = true;
                continue;
            }
            let kind = envelope.r#type.clone();
            match self.handler.admit(envelope) {
                Ok(item) => {
                    batch.items.push(item);
                    batch.messages.push(Admitted { delivery, kind, occurred_at });
                }
                Err(reason) => {
                    aside.park(&delivery, attempts(&delivery.properties) + 1, &kind, &reason).await?;
                    aside.count(&kind, "parked", 1);
                }
            }
        }
        let oldest = batch.messages.iter().filter_map(|message| message.occurred_at).min();
        let held = oldest.map(|oldest| self.held.hold(oldest));
        let applied = self.apply(&aside, &batch, stop).await?;
        drop(held);
        if !applied {
            let all = BasicNackOptions { multiple: true, requeue: true };
            patiently(last.nack(all)).await?;
            return Ok(false);
        }
        patiently(last.ack(BasicAckOptions { multiple: true })).await?;
        Ok(ticked)
    }

    /// Applies a batch, in ever smaller pieces where it fails; false when it was told to stop meanwhile.
    async fn apply(&self, aside: &Aside<'_>, batch: &Batch<H::Item>, stop: &CancellationToken) -> Result<bool, Error> {
        let whole = 0..batch.items.len();
        let mut pieces: Vec<Range<usize>> = vec![whole.clone()];
        let (mut backoff, mut complete) = (Backoff::new(), false);
        loop {
            let Some(piece) = pieces.pop() else {
                if complete {
                    return Ok(true);
                }
                // The pieces are done; what they say together is said at last.
                pieces.push(0..0);
                continue;
            };
            let last = piece == whole || piece.is_empty();
            let until = batch.complete_until.filter(|_| last);
            match self.attempt(&batch.items[piece.clone()], until).await {
                Ok(()) => {
                    complete |= last;
                    self.measure(aside, &batch.messages[piece]);
                }
                Err(failure) if failure.is_ours() => {
                    // The events are not at fault: they are held here, so that an outage parks nothing and reorders little.
                    tracing::warn!(
                        error = &failure as &dyn std::error::Error,
                        "A batch of events waits for the database."
                    );
                    if !backoff.pause(stop).await {
                        return Ok(false);
                    }
                    if !aside.publishing.status().connected() {
                        return Err(Error::Silent);
                    }
                    pieces.push(piece);
                }
                Err(failure) if piece.is_empty() => {
                    tracing::warn!(
                        error = &failure as &dyn std::error::Error,
                        "How far events were heard is not noted."
                    );
                    complete = true;
                }
                Err(failure) if piece.len() == 1 => {
                    self.put_aside(aside, &batch.messages[piece.start], &failure).await?;
                }
                Err(_) => {
                    let middle = piece.start + piece.len() / 2;
                    pieces.push(middle..piece.end);
                    pieces.push(piece.start..middle);
                }
            }
        }
    }

    async fn attempt(&self, items: &[H::Item], until: Option<OffsetDateTime>) -> Result<(), Failure> {
        let applied = tokio::time::timeout(PATIENCE, self.handler.apply(items, until));
        match AssertUnwindSafe(applied).catch_unwind().await {
            Ok(Ok(applied)) => applied,
            Ok(Err(_)) => Err(Failure::Retry(anyhow::anyhow!("the handler took longer than {PATIENCE:?}"))),
            Err(_) => Err(Failure::Retry(anyhow::anyhow!("the handler panicked"))),
        }
    }

    async fn put_aside(&self, aside: &Aside<'_>, message: &Admitted, failure: &Failure) -> Result<(), Error> {
        let (delivery, kind) = (&message.delivery, message.kind.as_str());
        let number = attempts(&delivery.properties) + 1;
        let outcome = match failure {
            Failure::Park(reason) => {
                aside.park(delivery, number, kind, reason).await?;
                "parked"
            }
            failure if number >= ATTEMPTS_AT_MOST => {
                aside.park(delivery, number, kind, &failure.reason()).await?;
                "parked"
            }
            failure => aside.put_off(delivery, number, kind, failure).await?,
        };
        aside.count(kind, outcome, 1);
        Ok(())
    }

    fn measure(&self, aside: &Aside<'_>, messages: &[Admitted]) {
        let (mut kinds, now) = (HashMap::<&str, u64>::new(), self.clock.now());
        let lag = metrics::histogram!("bus_consumer_lag_seconds", "consumer" => aside.service);
        for message in messages {
            *kinds.entry(&message.kind).or_default() += 1;
            if let Some(occurred_at) = message.occurred_at {
                lag.record(since(occurred_at, now));
            }
        }
        for (kind, events) in kinds {
            aside.count(kind, "applied", events);
        }
    }
}

/// Until a moment; for ever where there is none.
async fn at(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}

/// When to send the next tick.
struct Ticker {
    interval: tokio::time::Interval,
    under_way_since: Option<Instant>,
}

impl Ticker {
    /// The first tick is due at once: it also tells whether this replica is the one that works.
    fn new() -> Self {
        let mut interval = tokio::time::interval(TICKS);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { interval, under_way_since: None }
    }

    async fn is_due(&mut self) {
        loop {
            self.interval.tick().await;
            if self.under_way_since.is_none_or(|since| since.elapsed() > LOST_AFTER) {
                return;
            }
        }
    }

    fn sent(&mut self) {
        self.under_way_since = Some(Instant::now());
    }

    fn heard(&mut self, ticked: bool) {
        if ticked {
            self.under_way_since = None;
        }
    }
}
