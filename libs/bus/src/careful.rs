//! How consuming begins: one message at a time, so that a message which takes its process down takes no others along.
//!
//! The broker counts every message that a dead process held, not the one that it died of, and gives up what it counted
//! twenty times. So whoever starts, and might have died before, holds one message only as long as messages come that
//! were taken twice in vain; after the first other one it takes as many as it works on at once.

use lapin::Channel;
use lapin::message::Delivery;
use lapin::options::{BasicConsumeOptions, BasicQosOptions};
use lapin::types::{AMQPValue, FieldTable};

use crate::amqp::{Error, patiently};

/// So often was a message taken in vain of which a process may have died. Once says nothing: a process that stops gives
/// back what it has not begun.
const SUSPICIOUS: u64 = 2;

/// Whether a message may be what took its consumers down.
pub(crate) fn is_suspicious(delivery: &Delivery) -> bool {
    taken_in_vain(delivery) >= SUSPICIOUS
}

/// How often the broker delivered a message before without hearing what became of it.
fn taken_in_vain(delivery: &Delivery) -> u64 {
    let headers = delivery.properties.headers().as_ref();
    match headers.and_then(|headers| headers.inner().get("x-delivery-count")) {
        Some(AMQPValue::LongLongInt(count)) => u64::try_from(*count).unwrap_or_default(),
        Some(AMQPValue::LongInt(count)) => u64::try_from(*count).unwrap_or_default(),
        _ => 0,
    }
}

/// Consumes a queue with so many messages at once.
pub(crate) async fn consume(channel: &Channel, queue: &str, tag: &str, at_once: u16) -> Result<lapin::Consumer, Error> {
    // Holds for consumers that begin afterwards.
    patiently(channel.basic_qos(at_once, BasicQosOptions::default())).await?;
    let options = BasicConsumeOptions::default();
    patiently(channel.basic_consume(queue.into(), tag.into(), options, FieldTable::default())).await
}

/// The tag of the consumer that takes one message at a time.
pub(crate) fn careful_tag(queue: &str) -> String {
    format!("{queue}.careful")
}

/// The tag of the consumer that takes as many as are worked on at once.
pub(crate) fn tag(queue: &str) -> String {
    format!("{queue}.consumer")
}
