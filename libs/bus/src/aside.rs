//! Where a message goes that cannot be applied now, or ever: a retry queue or the parking lot, and what is counted of it.

use failpoint::failpoint;
use lapin::Channel;
use lapin::message::Delivery;
use values::SharedClock;

use crate::Failure;
use crate::amqp::{Error, publish_to_queue};
use crate::attempt::{pause_after, put_aside};
use crate::topology::{parked_queue_of, retry_queue_of};

/// Puts messages of one service aside. The caller acknowledges the original afterwards.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Aside<'a> {
    pub(crate) service: &'static str,
    pub(crate) publishing: &'a Channel,
    pub(crate) clock: &'a SharedClock,
}

impl Aside<'_> {
    /// Lets a message come back by itself, and says how that is counted.
    pub(crate) async fn put_off(
        &self,
        delivery: &Delivery,
        number: u32,
        kind: &str,
        failure: &Failure,
    ) -> Result<&'static str, Error> {
        let (reason, pause) = (failure.reason(), pause_after(number));
        let outcome = match failure {
            Failure::TooEarly(_) => {
                tracing::debug!(event.kind = kind, "An event is put off for {pause}: {reason}");
                "early"
            }
            _ => {
                tracing::warn!(event.kind = kind, "An event is put off for {pause}: {reason}");
                "failed"
            }
        };
        self.move_to(&retry_queue_of(self.service, pause), delivery, number, &reason).await?;
        Ok(outcome)
    }

    /// Leaves a message to a person.
    pub(crate) async fn park(&self, delivery: &Delivery, number: u32, kind: &str, reason: &str) -> Result<(), Error> {
        tracing::error!(event.kind = kind, "An event is parked after {number} attempts: {reason}");
        self.move_to(&parked_queue_of(self.service), delivery, number, reason).await?;
        let labels = [("consumer", self.service.to_owned()), ("type", kind.to_owned())];
        metrics::counter!("bus_parked_total", &labels).increment(1);
        Ok(())
    }

    /// Stores a copy elsewhere, before the original is acknowledged.
    async fn move_to(&self, queue: &str, delivery: &Delivery, number: u32, reason: &str) -> Result<(), Error> {
        let headers = put_aside(number, reason, self.clock.now());
        let properties = delivery.properties.clone().with_headers(headers);
        publish_to_queue(self.publishing, queue, &delivery.data, properties).await?;
        failpoint!("consumer.moved");
        Ok(())
    }

    /// Counts events of a type by how they ended.
    pub(crate) fn count(&self, kind: &str, outcome: &'static str, events: u64) {
        let labels =
            [("consumer", self.service.to_owned()), ("type", kind.to_owned()), ("outcome", outcome.to_owned())];
        metrics::counter!("bus_consumed_total", &labels).increment(events);
    }
}
