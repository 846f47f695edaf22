//! Where a message goes that cannot be applied now, or ever: a retry queue or the dead letters, and what is counted
//! of it.

use failpoint::failpoint;
use lapin::Channel;
use lapin::message::Delivery;
use lapin::types::FieldTable;
use pg::Pool;
use tokio_util::sync::CancellationToken;
use values::SharedClock;

use crate::Failure;
use crate::amqp::{Error, publish_to_queue};
use crate::attempt::{ATTEMPTS_AT_MOST, pause_after, retry_headers, unheard_headers};
use crate::dead_letter::DeadLetters;
use crate::topology::{queue_of, retry_queue_of};

/// Takes failed messages of one service out of its queue. The caller acknowledges the original afterwards.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Retry<'a> {
    pub(crate) service: &'static str,
    pub(crate) publishing: &'a Channel,
    pub(crate) pool: &'a Pool,
    pub(crate) clock: &'a SharedClock,
}

impl Retry<'_> {
    /// Puts a message whose event failed where it belongs, and says how that is counted.
    pub(crate) async fn failed(
        &self,
        delivery: &Delivery,
        number: u32,
        kind: &str,
        failure: &Failure,
        stop: &CancellationToken,
    ) -> Result<&'static str, Error> {
        match failure {
            Failure::DeadLetter(reason) => self.dead_letter(delivery, number, kind, reason, stop).await,
            failure if number >= ATTEMPTS_AT_MOST => {
                self.dead_letter(delivery, number, kind, &failure.reason(), stop).await
            }
            failure => self.later(delivery, number, kind, failure).await,
        }
    }

    /// Leaves a message to a person.
    pub(crate) async fn dead_letter(
        &self,
        delivery: &Delivery,
        number: u32,
        kind: &str,
        reason: &str,
        stop: &CancellationToken,
    ) -> Result<&'static str, Error> {
        self.dead_letters(&queue_of(self.service)).keep(delivery, kind, number, reason, stop).await?;
        moved();
        Ok("dead-letter")
    }

    /// The dead letters of a queue.
    pub(crate) fn dead_letters<'b>(&'b self, queue: &'b str) -> DeadLetters<'b> {
        DeadLetters { service: self.service, queue, pool: self.pool, clock: self.clock, channel: self.publishing }
    }

    /// Stores a copy in a retry queue, from which it comes back by itself, before the original is acknowledged.
    async fn later(
        &self,
        delivery: &Delivery,
        number: u32,
        kind: &str,
        failure: &Failure,
    ) -> Result<&'static str, Error> {
        let (reason, pause) = (failure.reason(), pause_after(number));
        let outcome = match failure {
            Failure::TooEarly(_) => {
                tracing::debug!(event.kind = kind, "An event is tried again in {pause}: {reason}");
                "early"
            }
            _ => {
                tracing::warn!(event.kind = kind, "An event is tried again in {pause}: {reason}");
                "failed"
            }
        };
        self.wait(delivery, pause, retry_headers(number, &reason)).await?;
        Ok(outcome)
    }

    /// Lets a message wait that no handler of this release knows.
    pub(crate) async fn wait_for_release(
        &self,
        delivery: &Delivery,
        waited: u32,
        kind: &str,
    ) -> Result<&'static str, Error> {
        let (reason, pause) = ("no handler in this release", pause_after(waited));
        tracing::debug!(event.kind = kind, "An event waits {pause} for a release that knows it.");
        self.wait(delivery, pause, unheard_headers(&delivery.properties, waited, reason)).await?;
        Ok("early")
    }

    async fn wait(&self, delivery: &Delivery, pause: &str, headers: FieldTable) -> Result<(), Error> {
        let properties = delivery.properties.clone().with_headers(headers);
        publish_to_queue(self.publishing, &retry_queue_of(self.service, pause), &delivery.data, properties).await?;
        moved();
        Ok(())
    }

    /// Counts events of a type by how they ended.
    pub(crate) fn count(&self, kind: &str, outcome: &'static str, events: u64) {
        let labels =
            [("consumer", self.service.to_owned()), ("type", kind.to_owned()), ("outcome", outcome.to_owned())];
        metrics::counter!("bus_consumed_total", &labels).increment(events);
    }
}

/// The copy is stored, the original is not acknowledged yet.
fn moved() {
    failpoint!("consumer.moved");
}
