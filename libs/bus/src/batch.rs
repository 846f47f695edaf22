//! The batch consumer: takes everything that is announced, many events at a time, for a service that stores rather
//! than acts.
//!
//! Its handler owns the transaction and recognises repetitions itself; there is no inbox.

use std::collections::HashMap;
use std::ops::Range;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, BasicCancelOptions, BasicNackOptions};
use lapin::{Acker, BasicProperties, Channel};
use pg::Pool;
use prost::Message;
use proto::wkt::Timestamp;
use time::OffsetDateTime;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use values::SharedClock;

use crate::amqp::{Amqp, Backoff, Error, close, confirmed_channel, patiently, publish_to_queue};
use crate::attempt::attempts;
use crate::careful::{careful_tag, consume, is_suspicious, tag};
use crate::consumer::offer_unrouted;
use crate::dead_letter::{self, UNKNOWN};
use crate::failure::Failed;
use crate::in_flight::InFlight;
use crate::relay::since;
use crate::retry::Retry;
use crate::ticker::Ticker;
use crate::topology::{Topology, dead_letter_queue_of, declare};
use crate::{Consume, Envelope, Failure};

/// How many events are applied at once at most. Twice as many are taken: the next batch gathers while one is at work.
const BATCH: usize = 2_000;

/// How long the first event of a batch waits for others. Each batch costs a commit here and a write of the queue's
/// log there: in large batches an event took 18 µs of CPU instead of 22.
const GATHERED_FOR: Duration = Duration::from_millis(200);

/// How many deliveries are moved on at once where many have arrived.
const CHUNK: usize = 256;

/// How long one batch may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// The type of our own message to ourselves: what stands before it in the queue has arrived before it.
const TICK: &str = "lyceum.bus.Tick";

/// What is done with batches.
pub trait BatchHandler: Send + Sync + 'static {
    /// An event as it is applied.
    type Item: Send + Sync;

    /// Reads an event, without looking anywhere; what it refuses becomes a dead letter with this reason.
    ///
    /// # Errors
    ///
    /// Why the event can never be applied.
    fn admit(&self, envelope: Envelope) -> Result<Self::Item, String>;

    /// Applies events in one transaction, all or none, and each once however often it comes.
    ///
    /// `complete_until`, if there, is a moment of which every event that had arrived by then is applied with this
    /// batch, but for those that failed and come again or became dead letters. A batch that fails is cut in halves
    /// until the event is found that is at fault.
    fn apply(
        &self,
        items: &[Self::Item],
        complete_until: Option<OffsetDateTime>,
    ) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// Hears every event of the exchange of everybody, also those of types that are not known yet, and applies them in
/// batches.
#[derive(Debug)]
pub struct BatchConsumer<H> {
    topology: Topology,
    pool: Pool,
    amqp: Amqp,
    clock: SharedClock,
    handler: H,
    in_flight: InFlight,
    release: String,
}

/// Events that are applied together, with the messages that they came in.
struct Batch<T> {
    items: Vec<T>,
    messages: Vec<Admitted>,
    complete_until: Option<OffsetDateTime>,
}

/// What became of a batch whose deliveries are not acknowledged yet.
struct Settled {
    last: Acker,
    /// Not where it was told to stop before.
    applied: bool,
    ticked: bool,
}

/// A message whose event was admitted.
struct Admitted {
    delivery: Delivery,
    kind: String,
    occurred_at: Option<OffsetDateTime>,
}

impl<H: BatchHandler> BatchConsumer<H> {
    /// Makes the batch consumer of a service. Replicas share one queue; one of them works, the others stand by.
    /// `pool` is for the dead letters; what the handler writes to is its own business.
    pub fn new(service: &'static str, pool: Pool, amqp: Amqp, clock: SharedClock, handler: H) -> Self {
        let in_flight = InFlight::new(service, clock.clone());
        let topology = Topology::new(service).hears_everything().in_order();
        Self { topology, pool, amqp, clock, handler, in_flight, release: String::new() }
    }

    /// Declares the service's queues without consuming, as `migrate` does before the first start.
    ///
    /// # Errors
    ///
    /// The broker cannot be reached, or has a queue of the same name that was declared otherwise.
    pub async fn declare(&self) -> Result<(), Error> {
        declare(&self.amqp, &self.pool, &self.topology, &self.release).await
    }

    /// Consumes until told to stop, then finishes the batch at hand.
    ///
    /// A broker or database that is down is waited for, however long. An event that was taken but not acknowledged
    /// comes again.
    pub async fn run(self, stop: CancellationToken) {
        let service = self.topology.service();
        tokio::join!(
            self.consume(&stop),
            self.in_flight.measure(&stop),
            dead_letter::measure(service, &self.pool, &stop)
        );
    }

    async fn consume(&self, stop: &CancellationToken) {
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
        self.topology.declare_on(&publishing, &self.pool, &self.release).await?;
        let consuming = patiently(connection.create_channel()).await?;
        backoff.reset();
        let offering = confirmed_channel(&connection).await?;
        let given_up = dead_letter_queue_of(self.topology.service());
        let (queue, retry) = (self.topology.queue(), self.retry(&offering));
        let dead_letters = retry.dead_letters(&queue);
        // Before anything else is taken: if this process dies of what it takes, what is collected is not delivered in
        // vain each time.
        dead_letters.collect(&given_up, stop).await?;
        tokio::select! {
            worked = self.take_all(&consuming, &publishing, stop) => worked?,
            failed = offer_unrouted(&self.topology, &offering) => return Err(failed),
            failed = dead_letters.collect_always(&given_up, stop) => return Err(failed),
        }
        close(&connection, "stopped").await;
        Ok(())
    }

    fn retry<'a>(&'a self, publishing: &'a Channel) -> Retry<'a> {
        Retry { service: self.topology.service(), publishing, pool: &self.pool, clock: &self.clock }
    }

    async fn take_all(&self, consuming: &Channel, publishing: &Channel, stop: &CancellationToken) -> Result<(), Error> {
        let mut ticker = Ticker::new();
        let Some(deliveries) = self.take_carefully(consuming, publishing, &mut ticker, stop).await? else {
            return Ok(());
        };
        let mut deliveries = deliveries.ready_chunks(CHUNK);
        let queue = self.topology.queue();
        let mut gathered: Vec<Delivery> = Vec::new();
        let mut due = None;
        let mut at_work = FuturesUnordered::new();
        loop {
            let ready = gathered.len() >= BATCH || due.is_some_and(|due| due <= Instant::now());
            if ready && at_work.is_empty() {
                at_work.push(self.settle_and_acknowledge(publishing, std::mem::take(&mut gathered), stop));
                due = None;
            }
            tokio::select! {
                () = stop.cancelled() => break,
                Some(done) = at_work.next(), if !at_work.is_empty() => ticker.returned(done?),
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
        patiently(consuming.basic_cancel(tag(&queue).into(), BasicCancelOptions::default())).await?;
        while let Some(done) = at_work.next().await {
            done?;
        }
        Ok(())
    }

    /// Takes one message at a time until one comes that nobody can have died of, such as our own tick; answers with
    /// the consumer that takes thousands. `None` when it was told to stop.
    async fn take_carefully(
        &self,
        consuming: &Channel,
        publishing: &Channel,
        ticker: &mut Ticker,
        stop: &CancellationToken,
    ) -> Result<Option<lapin::Consumer>, Error> {
        let queue = self.topology.queue();
        let end_care =
            async || patiently(consuming.basic_cancel(careful_tag(&queue).into(), BasicCancelOptions::default())).await;
        let mut deliveries = consume(consuming, &queue, &careful_tag(&queue), 1).await?;
        loop {
            tokio::select! {
                () = stop.cancelled() => {
                    end_care().await?;
                    return Ok(None);
                }
                delivery = deliveries.next() => {
                    let delivery = delivery.ok_or(Error::Silent)??;
                    if is_suspicious(&delivery) {
                        ticker.returned(self.settle_and_acknowledge(publishing, vec![delivery], stop).await?);
                        continue;
                    }
                    // The next consumer stands in line before this one leaves and before this message is
                    // acknowledged: so nobody overtakes it, and the replicas that stand by go on standing by.
                    let at_once = u16::try_from(2 * BATCH).unwrap_or(u16::MAX);
                    let wide = consume(consuming, &queue, &tag(&queue), at_once).await?;
                    let settled = self.settle(publishing, vec![delivery], stop).await?;
                    end_care().await?;
                    ticker.returned(acknowledge(settled).await?);
                    return Ok(Some(wide));
                }
                () = ticker.is_due() => {
                    ticker.sent();
                    self.tick(publishing, &queue).await?;
                }
            }
        }
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

    /// Settles deliveries, acknowledges all at once, and says whether a tick was among them.
    async fn settle_and_acknowledge(
        &self,
        publishing: &Channel,
        gathered: Vec<Delivery>,
        stop: &CancellationToken,
    ) -> Result<bool, Error> {
        acknowledge(self.settle(publishing, gathered, stop).await?).await
    }

    /// Works until every delivery is applied or has failed, and leaves their acknowledgement to the caller.
    async fn settle(
        &self,
        publishing: &Channel,
        mut gathered: Vec<Delivery>,
        stop: &CancellationToken,
    ) -> Result<Option<Settled>, Error> {
        let retry = self.retry(publishing);
        let Some(last) = gathered.last().map(|delivery| delivery.acker.clone()) else { return Ok(None) };
        metrics::histogram!("bus_batch_events", "consumer" => retry.service).record(gathered.len() as f64);
        let mut batch = Batch { items: Vec::new(), messages: Vec::new(), complete_until: None };
        let (mut ticked, now) = (false, self.clock.now());
        for delivery in gathered.drain(..) {
            let envelope = match Envelope::decode(&*delivery.data) {
                Ok(envelope) => envelope,
                Err(error) => {
                    let reason = format!("not an envelope: {error}");
                    let number = attempts(&delivery.properties).saturating_add(1);
                    let outcome = retry.dead_letter(&delivery, number, UNKNOWN, &reason, stop).await?;
                    retry.count(UNKNOWN, outcome, 1);
                    continue;
                }
            };
            let occurred_at = envelope.occurred_at.as_ref().and_then(|at| at.to_time());
            // What stands before a message in the queue arrived before it, and so before it happened. A clock that is
            // ahead proves nothing.
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
                    let number = attempts(&delivery.properties).saturating_add(1);
                    let outcome = retry.dead_letter(&delivery, number, &kind, &reason, stop).await?;
                    retry.count(&kind, outcome, 1);
                }
            }
        }
        let oldest = batch.messages.iter().filter_map(|message| message.occurred_at).min();
        let counted = oldest.map(|oldest| self.in_flight.enter(oldest));
        let applied = self.apply(&retry, &batch, stop).await?;
        drop(counted);
        Ok(Some(Settled { last, applied, ticked }))
    }

    /// Applies a batch, in ever smaller pieces where it fails; false when it was told to stop meanwhile.
    async fn apply(&self, retry: &Retry<'_>, batch: &Batch<H::Item>, stop: &CancellationToken) -> Result<bool, Error> {
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
                    self.measure(retry, &batch.messages[piece]);
                }
                Err(failed) if failed.is_ours() => {
                    // The events are not at fault: they stay here, so that an outage makes no dead letters and
                    // reorders little.
                    tracing::warn!(
                        error = &failed.failure as &dyn std::error::Error,
                        "A batch of events waits for the database."
                    );
                    if !backoff.pause(stop).await {
                        return Ok(false);
                    }
                    if !retry.publishing.status().connected() {
                        return Err(Error::Silent);
                    }
                    pieces.push(piece);
                }
                Err(Failed { failure, .. }) if piece.is_empty() => {
                    tracing::warn!(
                        error = &failure as &dyn std::error::Error,
                        "How far events have arrived is not noted."
                    );
                    complete = true;
                }
                Err(Failed { failure, .. }) if piece.len() == 1 => {
                    self.failed(retry, &batch.messages[piece.start], &failure, stop).await?;
                }
                Err(_) => {
                    let middle = piece.start + piece.len() / 2;
                    pieces.push(middle..piece.end);
                    pieces.push(piece.start..middle);
                }
            }
        }
    }

    async fn attempt(&self, items: &[H::Item], until: Option<OffsetDateTime>) -> Result<(), Failed> {
        // The handler opens its own transaction. A database that answers just before is no outage to be waited for
        // when it does not answer in the middle: that may be these events' own doing.
        let answers = sqlx::query("select 1").execute(&self.pool).await;
        answers.map_err(|error| Failed { failure: error.into(), begun: false })?;
        let applied = tokio::time::timeout(PATIENCE, self.handler.apply(items, until));
        let failure = match AssertUnwindSafe(applied).catch_unwind().await {
            Ok(Ok(Ok(()))) => return Ok(()),
            Ok(Ok(Err(failure))) => failure,
            Ok(Err(_)) => Failure::Retry(anyhow::anyhow!("the handler took longer than {PATIENCE:?}")),
            Err(_) => Failure::Retry(anyhow::anyhow!("the handler panicked")),
        };
        Err(Failed { failure, begun: true })
    }

    async fn failed(
        &self,
        retry: &Retry<'_>,
        message: &Admitted,
        failure: &Failure,
        stop: &CancellationToken,
    ) -> Result<(), Error> {
        let (delivery, kind) = (&message.delivery, message.kind.as_str());
        let number = attempts(&delivery.properties).saturating_add(1);
        let outcome = retry.failed(delivery, number, kind, failure, stop).await?;
        retry.count(kind, outcome, 1);
        Ok(())
    }

    fn measure(&self, retry: &Retry<'_>, messages: &[Admitted]) {
        let (mut kinds, now) = (HashMap::<&str, u64>::new(), self.clock.now());
        let lag = metrics::histogram!("bus_consumer_lag_seconds", "consumer" => retry.service);
        for message in messages {
            *kinds.entry(&message.kind).or_default() += 1;
            if let Some(occurred_at) = message.occurred_at {
                lag.record(since(occurred_at, now));
            }
        }
        for (kind, events) in kinds {
            retry.count(kind, "applied", events);
        }
    }
}

impl<H: BatchHandler> Consume for BatchConsumer<H> {
    async fn declare(&self) -> Result<(), Error> {
        Self::declare(self).await
    }

    async fn run(self, stop: CancellationToken) {
        Self::run(self, stop).await;
    }

    fn of_release(mut self, release: &str) -> Self {
        release.clone_into(&mut self.release);
        self
    }

    fn read(&self, _: &Envelope) -> Option<String> {
        None
    }
}

/// Acknowledges what is settled, or gives it back, and says whether a tick was applied.
async fn acknowledge(settled: Option<Settled>) -> Result<bool, Error> {
    let Some(Settled { last, applied, ticked }) = settled else { return Ok(false) };
    if !applied {
        let all = BasicNackOptions { multiple: true, requeue: true };
        patiently(last.nack(all)).await?;
        return Ok(false);
    }
    patiently(last.ack(BasicAckOptions { multiple: true })).await?;
    Ok(ticked)
}

/// Until a moment; for ever where there is none.
async fn at(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}
