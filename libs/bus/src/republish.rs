//! Events that a broker lost with its disks, published once more by whoever kept them.
//!
//! They keep their ids: who applied one before has it in the inbox and does nothing. So it is safe while inboxes
//! remember, which is 30 days.

use futures::future::try_join_all;
use lapin::options::BasicPublishOptions;
use lapin::{Channel, Connection};
use prost::Message;

use crate::Envelope;
use crate::amqp::{Amqp, Error, close, confirmed_channel, patiently, stored};
use crate::relay::properties;
use crate::topology::{EVENTS, declare_exchange};

/// A connection to the broker over which kept events are published once more.
#[derive(Debug)]
pub struct Republisher {
    connection: Connection,
    channel: Channel,
}

impl Republisher {
    /// Connects.
    ///
    /// # Errors
    ///
    /// The broker's, or that it did not answer in time.
    pub async fn open(amqp: &Amqp) -> Result<Self, Error> {
        let connection = amqp.connect("announce-again").await?;
        let channel = confirmed_channel(&connection).await?;
        declare_exchange(&channel, EVENTS).await?;
        Ok(Self { connection, channel })
    }

    /// Publishes events and waits until every queue that is bound has stored them.
    ///
    /// # Errors
    ///
    /// The broker's; that it did not answer in time, or did not store an event. The same may be published again.
    pub async fn publish(&self, envelopes: &[Envelope]) -> Result<(), Error> {
        try_join_all(envelopes.iter().map(|envelope| self.publish_one(envelope))).await?;
        Ok(())
    }

    async fn publish_one(&self, envelope: &Envelope) -> Result<(), Error> {
        let body = envelope.encode_to_vec();
        let confirmation = async {
            let options = BasicPublishOptions::default();
            let (key, seconds) = (envelope.r#type.as_str(), envelope.occurred_at.as_ref().map_or(0, |at| at.seconds));
            let properties = properties(&envelope.id, key, &envelope.traceparent, seconds);
            self.channel.basic_publish(EVENTS.into(), key.into(), options, &body, properties).await?.await
        };
        stored(patiently(confirmation).await?)
    }

    /// Closes the connection.
    pub async fn close(self) {
        close(&self.connection, "done").await;
    }
}
