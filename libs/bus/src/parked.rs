//! The parking lot of a service, for the person who looks after it: what waits there and why, and sending it back.

use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, BasicGetOptions, BasicNackOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, Connection};
use prost::Message;
use time::OffsetDateTime;

use crate::Envelope;
use crate::amqp::{Amqp, Error, close, confirmed_channel, no_arguments, patiently, publish_to_queue};
use crate::attempt::{PARKED_AT, REASON, attempts};
use crate::topology::{declare_queue, parked_queue_of, queue_of};

/// An event that could not be applied.
#[derive(Clone, Debug)]
pub struct Parked {
    /// Why.
    pub reason: String,
    /// How often it was tried.
    pub attempts: u32,
    /// Since when it waits; unknown where the broker parked it.
    pub since: Option<OffsetDateTime>,
    /// The event; absent where the message is not one.
    pub envelope: Option<Envelope>,
}

/// Reads a service's parking lot and leaves it as it is, oldest first.
///
/// # Errors
///
/// The broker's.
pub async fn list(amqp: &Amqp, service: &str) -> Result<Vec<Parked>, Error> {
    let (connection, channel, count) = open(amqp, service).await?;
    let mut listed = Vec::new();
    let mut last = None;
    for _ in 0..count {
        let Some(delivery) = take(&channel, service).await? else { break };
        listed.push(Parked::from(&delivery));
        last = Some(delivery);
    }
    if let Some(last) = last {
        let all = BasicNackOptions { multiple: true, requeue: true };
        patiently(last.acker.nack(all)).await?;
    }
    close(&connection, "listed").await;
    Ok(listed)
}

/// Sends everything in a service's parking lot back to its queue with all attempts ahead, and says how many.
///
/// What fails again is parked again. A message is taken out only once its copy is stored in the queue.
///
/// # Errors
///
/// The broker's; what was sent back before stays sent.
pub async fn replay(amqp: &Amqp, service: &str) -> Result<usize, Error> {
    let (connection, channel, count) = open(amqp, service).await?;
    let mut replayed = 0;
    // Counted first: what is parked again meanwhile waits for the next replay.
    for _ in 0..count {
        let Some(delivery) = take(&channel, service).await? else { break };
        let properties = delivery.properties.clone().with_headers(FieldTable::default());
        publish_to_queue(&channel, &queue_of(service), &delivery.data, properties).await?;
        patiently(delivery.acker.ack(BasicAckOptions::default())).await?;
        replayed += 1;
    }
    close(&connection, "replayed").await;
    Ok(replayed)
}

async fn open(amqp: &Amqp, service: &str) -> Result<(Connection, Channel, u32), Error> {
    let connection = amqp.connect(&format!("{service} parking lot")).await?;
    let channel = confirmed_channel(&connection).await?;
    let count = declare_queue(&channel, &parked_queue_of(service), no_arguments()).await?;
    Ok((connection, channel, count))
}

async fn take(channel: &Channel, service: &str) -> Result<Option<Delivery>, Error> {
    let get = channel.basic_get(parked_queue_of(service).into(), BasicGetOptions::default());
    Ok(patiently(get).await?.map(|message| message.delivery))
}

impl From<&Delivery> for Parked {
    fn from(delivery: &Delivery) -> Self {
        let headers = delivery.properties.headers().as_ref();
        let header = |name: &str| headers.and_then(|headers| headers.inner().get(name));
        let since = match header(PARKED_AT) {
            Some(AMQPValue::Timestamp(seconds)) => i64::try_from(*seconds).ok(),
            _ => None,
        };
        Self {
            // The broker names its own reason, such as `delivery_limit`: the message took the process down each time.
            reason: text(header(REASON)).or_else(|| text(header("x-first-death-reason"))).unwrap_or_default(),
            attempts: attempts(&delivery.properties),
            since: since.and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok()),
            envelope: Envelope::decode(&*delivery.data).ok(),
        }
    }
}

fn text(value: Option<&AMQPValue>) -> Option<String> {
    match value {
        Some(AMQPValue::LongString(text)) => Some(String::from_utf8_lossy(text.as_bytes()).into_owned()),
        Some(AMQPValue::ShortString(text)) => Some(text.as_str().to_owned()),
        _ => None,
    }
}
