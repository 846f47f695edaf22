//! The consumer: takes a service's events from its queue, several at a time. What is done with one lives in attempt.

use std::collections::HashMap;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use lapin::Channel;
use lapin::options::BasicCancelOptions;
use pg::Pool;
use prost::{Message, Name};
use proto::json::Json;
use tokio_util::sync::CancellationToken;
use values::SharedClock;

use crate::Envelope;
use crate::amqp::{Amqp, Backoff, Error, close, confirmed_channel, patiently};
use crate::attempt::Attempt;
use crate::careful::{careful_tag, consume, tag};
use crate::dead_letter;
use crate::handler::{AnyHandler, Decoding, Handler};
use crate::in_flight::InFlight;
use crate::retry::Retry;
use crate::topology::{Topology, dead_letter_queue_of, declare};

/// How many events are worked on at once, and so taken from the broker at once; fewer than a pool has connections.
const CONCURRENCY: u16 = 4;

/// After how long unrouted events are offered a second time: one that was on its way there when the first round ended.
const SECOND_OFFER_AFTER: Duration = Duration::from_secs(5);

/// Hears events and applies each once, in no particular order.
pub struct Consumer {
    pub(crate) topology: Topology,
    pub(crate) pool: Pool,
    pub(crate) clock: SharedClock,
    pub(crate) handlers: HashMap<String, Box<dyn AnyHandler>>,
    pub(crate) in_flight: InFlight,
    amqp: Amqp,
    release: String,
}

impl std::fmt::Debug for Consumer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Consumer").field("topology", &self.topology).finish_non_exhaustive()
    }
}

impl Consumer {
    /// Makes the consumer of a service, which hears nothing yet. Replicas share one queue and one inbox.
    pub fn new(service: &'static str, pool: Pool, amqp: Amqp, clock: SharedClock) -> Self {
        let in_flight = InFlight::new(service, clock.clone());
        Self {
            topology: Topology::new(service),
            pool,
            clock,
            handlers: HashMap::new(),
            in_flight,
            amqp,
            release: String::new(),
        }
    }

    /// Applies events of type `T` with `handler`.
    #[must_use]
    pub fn on<T: Message + Name + Json + Default + 'static>(mut self, handler: impl Handler<T>) -> Self {
        self.topology = self.topology.hears::<T>();
        self.handle_with::<T>(handler)
    }

    /// Applies events of type `T` that travel on the personal exchange.
    #[must_use]
    pub fn on_personal<T: Message + Name + Json + Default + 'static>(mut self, handler: impl Handler<T>) -> Self {
        self.topology = self.topology.hears_personal::<T>();
        self.handle_with::<T>(handler)
    }

    fn handle_with<T: Message + Name + Json + Default + 'static>(mut self, handler: impl Handler<T>) -> Self {
        let handler = Decoding { handler, event: std::marker::PhantomData };
        self.handlers.insert(T::full_name(), Box::new(handler));
        self
    }

    /// Declares the service's queues without consuming, as `migrate` does before the first start.
    ///
    /// # Errors
    ///
    /// The broker cannot be reached, or has a queue of the same name that was declared otherwise.
    pub async fn declare(&self) -> Result<(), Error> {
        declare(&self.amqp, &self.pool, &self.topology, &self.release).await
    }

    /// Consumes until told to stop, then finishes the events at hand.
    ///
    /// A broker that is down is waited for, however long. An event that was taken but not acknowledged comes again.
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
                "The consumer was interrupted and connects again; events wait in its queue."
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
        tracing::debug!("This consumer is at work.");
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

    /// How failed messages leave the queue.
    pub(crate) fn retry<'a>(&'a self, publishing: &'a Channel) -> Retry<'a> {
        Retry { service: self.topology.service(), publishing, pool: &self.pool, clock: &self.clock }
    }

    async fn take_all(&self, consuming: &Channel, publishing: &Channel, stop: &CancellationToken) -> Result<(), Error> {
        let mut at_work = FuturesUnordered::new();
        let first = self.take_carefully(consuming, publishing, stop).await?;
        at_work.extend(first.map(|first| first.run(stop)));
        let (queue, tag) = (self.topology.queue(), tag(&self.topology.queue()));
        let mut deliveries = consume(consuming, &queue, &tag, CONCURRENCY).await?;
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                Some(done) = at_work.next(), if !at_work.is_empty() => done?,
                delivery = deliveries.next() => match delivery {
                    Some(delivery) => at_work.push(Attempt::new(self, publishing, delivery?).run(stop)),
                    None => return Err(Error::Silent),
                },
            }
        }
        patiently(consuming.basic_cancel(tag.into(), BasicCancelOptions::default())).await?;
        while let Some(done) = at_work.next().await {
            done?;
        }
        Ok(())
    }

    /// Takes one message at a time until one comes that nobody can have died of; answers with that one. None when it
    /// was told to stop.
    async fn take_carefully<'a>(
        &'a self,
        consuming: &Channel,
        publishing: &'a Channel,
        stop: &CancellationToken,
    ) -> Result<Option<Attempt<'a>>, Error> {
        let (queue, tag) = (self.topology.queue(), careful_tag(&self.topology.queue()));
        let mut deliveries = consume(consuming, &queue, &tag, 1).await?;
        while let Some(delivery) = stop.run_until_cancelled(deliveries.next()).await {
            let delivery = delivery.ok_or(Error::Silent)??;
            let attempt = Attempt::new(self, publishing, delivery);
            if !attempt.is_suspicious() {
                // While this one is not acknowledged, no other one is on its way here.
                patiently(consuming.basic_cancel(tag.into(), BasicCancelOptions::default())).await?;
                return Ok(Some(attempt));
            }
            attempt.run(stop).await?;
        }
        patiently(consuming.basic_cancel(tag.into(), BasicCancelOptions::default())).await?;
        Ok(None)
    }
}

/// Looks after events that were announced before this service was ever declared. Returns only to report a failure.
pub(crate) async fn offer_unrouted(topology: &Topology, channel: &Channel) -> Error {
    let offered = async {
        topology.offer_unrouted(channel).await?;
        tokio::time::sleep(SECOND_OFFER_AFTER).await;
        topology.offer_unrouted(channel).await
    };
    match offered.await {
        Ok(()) => std::future::pending().await,
        Err(error) => error,
    }
}

/// What the wiring of a service needs of its consumer, whichever of the two it has.
pub trait Consume: Sized + Send + 'static {
    /// Declares the service's queues without consuming, as `migrate` does before the first start.
    fn declare(&self) -> impl Future<Output = Result<(), Error>> + Send;

    /// Consumes until told to stop, then finishes the events at hand.
    fn run(self, stop: CancellationToken) -> impl Future<Output = ()> + Send + 'static;

    /// Says which release this is, by any text that differs between two of them: a binding that two releases in a row
    /// do not want is taken back.
    #[must_use]
    fn of_release(self, release: &str) -> Self;

    /// What an event says, as JSON, for the eyes of an operator; absent where it is no event that is heard here.
    fn read(&self, envelope: &Envelope) -> Option<String>;
}

impl Consume for Consumer {
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

    fn read(&self, envelope: &Envelope) -> Option<String> {
        self.handlers.get(&envelope.r#type)?.read(&envelope.payload)
    }
}
