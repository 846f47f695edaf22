//! Listens to the Document System's answers. Each is applied once, ignored with a count, or made a dead letter with its
//! reason.

use std::{
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bus::{
    Amqp, Error,
    external::{Backoff, DeadLetters, close, confirmed_channel, dead_letters_to, declare_queue, patiently},
};
use futures::{FutureExt, StreamExt};
use lapin::{
    Channel,
    message::Delivery,
    options::{
        BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicNackOptions, BasicQosOptions,
        BasicRejectOptions, QueueBindOptions,
    },
    types::{AMQPValue, FieldTable},
};
use tokio_util::sync::CancellationToken;

use super::{
    FAILED, GIVEN_UP, QUEUE, REJECTED, RESULTS, VERIFIED,
    answer::{self, Message},
    line::declare_exchange,
};
use crate::{
    App,
    flows::apply_answer::{self, Answer, Fate},
};

/// An answer that took its consumer down, or failed for no reason that we know, this often is given up by the broker.
const DELIVERY_LIMIT: i32 = 10;
/// Answers that may wait; more are refused, so that a broker which is shared is not filled up.
const LONGEST_QUEUE: i32 = 100_000;
/// Answers that are taken from the broker at once: as many as are worked on, so that one which takes the process down
/// takes no others along, which the broker would count as well.
const AT_ONCE: u16 = 1;
/// How long applying an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// How soon an answer that failed is tried again.
const PAUSE: Duration = Duration::from_secs(1);

/// Takes answers until it has to stop.
#[derive(Debug)]
pub struct Listener {
    app: Arc<App>,
    amqp: Amqp,
}

impl Listener {
    pub fn new(app: Arc<App>, amqp: Amqp) -> Self {
        Self { app, amqp }
    }

    /// Takes answers. A broker that is down is waited for, however long, and holds nothing else up.
    pub async fn run(self, stop: CancellationToken) {
        let mut backoff = Backoff::new();
        while !stop.is_cancelled() {
            let Err(error) = self.session(&stop, &mut backoff).await else { return };
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "The line from the Document System broke and is opened again; answers wait in their queue."
            );
            metrics::counter!("document_system_interruptions_total").increment(1);
            backoff.pause(&stop).await;
        }
    }

    async fn session(&self, stop: &CancellationToken, backoff: &mut Backoff) -> Result<(), Error> {
        let connection = self.amqp.connect("documents hears the Document System").await?;
        let publishing = confirmed_channel(&connection).await?;
        declare(&publishing).await?;
        let consuming = patiently(connection.create_channel()).await?;
        patiently(consuming.basic_qos(AT_ONCE, BasicQosOptions::default())).await?;
        let options = BasicConsumeOptions::default();
        let consume = consuming.basic_consume(QUEUE.into(), QUEUE.into(), options, FieldTable::default());
        let mut deliveries = patiently(consume).await?;
        backoff.reset();
        let dead_letters = self.dead_letters(&publishing);
        let take_all = async {
            while let Some(delivery) = stop.run_until_cancelled(deliveries.next()).await {
                let delivery = delivery.ok_or(Error::Silent)??;
                self.take(&delivery, &publishing, stop).await?;
            }
            Ok::<_, Error>(())
        };
        tokio::select! {
            taken = take_all => taken?,
            failed = dead_letters.collect_always(GIVEN_UP, stop) => return Err(failed),
        }
        // What was taken but not worked on goes back when the channel closes.
        patiently(consuming.basic_cancel(QUEUE.into(), BasicCancelOptions::default())).await?;
        close(&connection, "stopped").await;
        Ok(())
    }

    /// Works until the delivery is settled; an error is the broker's.
    async fn take(&self, delivery: &Delivery, publishing: &Channel, stop: &CancellationToken) -> Result<(), Error> {
        let properties = &delivery.properties;
        let message = Message {
            content_type: properties.content_type().as_ref().map(|text| text.as_str()),
            correlation_id: properties.correlation_id().as_ref().map(|text| text.as_str()),
            body: &delivery.data,
        };
        let answer = match answer::read(message) {
            Ok(answer) => answer,
            Err(why) => return self.give_up(delivery, publishing, "unreadable", &why.to_string(), stop).await,
        };
        let mut backoff = Backoff::new();
        loop {
            match self.apply(&answer).await {
                Ok(fate) => {
                    if let Some(complaint) = fate.complaint() {
                        return self.give_up(delivery, publishing, fate.as_str(), complaint, stop).await;
                    }
                    let case = answer.case;
                    tracing::info!(%case, "The Document System's answer about case {case} is {fate}.");
                    count(fate.as_str());
                    patiently(delivery.acker.ack(BasicAckOptions::default())).await?;
                    return Ok(());
                }
                Err(Failed::Ours(error)) => {
                    // The answer is not at fault: it stays here until the database is back.
                    tracing::warn!(error = &error as &dyn std::error::Error, "An answer waits for the database.");
                    if !backoff.pause(stop).await {
                        let options = BasicNackOptions { requeue: true, ..BasicNackOptions::default() };
                        patiently(delivery.acker.nack(options)).await?;
                        return Ok(());
                    }
                    if !publishing.status().connected() {
                        return Err(Error::Silent);
                    }
                }
                Err(Failed::Its(reason)) => {
                    tracing::error!(case = %answer.case, "An answer about case {} failed: {reason}", answer.case);
                    count("failed");
                    let _ = stop.run_until_cancelled(tokio::time::sleep(PAUSE)).await;
                    // `reject` is counted by every release of the broker; the delivery limit ends what never works.
                    patiently(delivery.acker.reject(BasicRejectOptions { requeue: true })).await?;
                    return Ok(());
                }
            }
        }
    }

    async fn apply(&self, answer: &Answer) -> Result<Fate, Failed> {
        let app = &self.app;
        let begun = &AtomicBool::new(false);
        let applied = pg::transaction(&app.db, async |conn| {
            begun.store(true, Ordering::Relaxed);
            apply_answer::run(conn, app, answer).await
        });
        match AssertUnwindSafe(tokio::time::timeout(PATIENCE, applied)).catch_unwind().await {
            Ok(Ok(Ok(fate))) => Ok(fate),
            // A statement timeout, or a connection that broke in the middle, may be the answer's own doing.
            Ok(Ok(Err(error))) if pg::is_outage(&error) => Err(Failed::Ours(error)),
            Ok(Ok(Err(error))) if !begun.load(Ordering::Relaxed) && pg::is_unavailable(&error) => {
                Err(Failed::Ours(error))
            }
            Ok(Ok(Err(error))) => Err(Failed::Its(rpc::chain(&error))),
            Ok(Err(_)) => Err(Failed::Its(format!("it took longer than {PATIENCE:?}"))),
            Err(_) => Err(Failed::Its("its handler panicked".to_owned())),
        }
    }

    /// Stores a message as a dead letter, then acknowledges it.
    async fn give_up(
        &self,
        delivery: &Delivery,
        publishing: &Channel,
        fate: &str,
        reason: &str,
        stop: &CancellationToken,
    ) -> Result<(), Error> {
        let (kind, attempts) = (delivery.routing_key.as_str(), tried_before(delivery) + 1);
        self.dead_letters(publishing).keep(delivery, kind, attempts, reason, stop).await?;
        count(fate);
        patiently(delivery.acker.ack(BasicAckOptions::default())).await?;
        Ok(())
    }

    fn dead_letters<'a>(&'a self, channel: &'a Channel) -> DeadLetters<'a> {
        let App { db: pool, clock, .. } = &*self.app;
        DeadLetters { service: "documents", queue: QUEUE, pool, clock, channel }
    }
}

/// Why an answer was not applied.
enum Failed {
    /// Our database is out of reach.
    Ours(sqlx::Error),
    Its(String),
}

fn count(fate: &str) {
    metrics::counter!("document_answers_total", "fate" => fate.to_owned()).increment(1);
}

fn tried_before(delivery: &Delivery) -> u32 {
    let headers = delivery.properties.headers().as_ref();
    match headers.and_then(|headers| headers.inner().get("x-delivery-count")) {
        Some(AMQPValue::LongLongInt(count)) => u32::try_from(*count).unwrap_or_default(),
        _ => 0,
    }
}

/// Declares our side; what exists already stays as it is.
pub(super) async fn declare(channel: &Channel) -> Result<(), Error> {
    declare_queue(channel, GIVEN_UP, FieldTable::default()).await?;
    let mut arguments = dead_letters_to(GIVEN_UP);
    arguments.insert("x-delivery-limit".into(), AMQPValue::LongInt(DELIVERY_LIMIT));
    arguments.insert("x-max-length".into(), AMQPValue::LongInt(LONGEST_QUEUE));
    declare_queue(channel, QUEUE, arguments).await?;
    declare_exchange(channel, RESULTS).await?;
    for key in [VERIFIED, REJECTED, FAILED] {
        let (options, none) = (QueueBindOptions::default(), FieldTable::default());
        patiently(channel.queue_bind(QUEUE.into(), RESULTS.into(), key.into(), options, none)).await?;
    }
    Ok(())
}
