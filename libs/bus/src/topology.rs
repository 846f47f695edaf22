//! Exchanges, queues and bindings: who hears what, and where an event waits that cannot be applied yet.
//!
//! ```text
//! lyceum.events, lyceum.personal            topic exchanges; the routing key is the event's full name
//!   └─ nobody bound: <exchange>.unrouted    kept for ten minutes and offered again to a consumer that starts
//! <service>.events                          what the service hears
//!   ├─ later: <service>.events.retry.<pause>   comes back by itself
//!   └─ given up by the broker: <service>.events.dead-letters   collected into the table bus_dead_letters
//! ```
//!
//! Every queue is a quorum queue: it survives a broker, and confirms only what is stored.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::try_join_all;
use lapin::options::{
    BasicAckOptions, BasicGetOptions, BasicPublishOptions, ExchangeDeclareOptions, QueueBindOptions,
    QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, ExchangeKind};
use pg::Pool;
use prost::Name;

use crate::amqp::{Amqp, Error, close, confirmed_channel, no_arguments, patiently, stored};
use crate::bindings;

/// The exchange of everything that carries ids and facts.
pub(crate) const EVENTS: &str = "lyceum.events";

/// The exchange of what carries names, addresses and codes; not everybody may bind it.
pub(crate) const PERSONAL: &str = "lyceum.personal";

/// The pauses after which an event that failed comes back, and the names of their queues. The first is for one that
/// has overtaken another, which is a matter of milliseconds.
pub(crate) const PAUSES: [(&str, Duration); 5] = [
    ("100ms", Duration::from_millis(100)),
    ("1s", Duration::from_secs(1)),
    ("5s", Duration::from_secs(5)),
    ("30s", Duration::from_secs(30)),
    ("5m", Duration::from_secs(300)),
];

/// A message that took its consumer's process down this often is given up by the broker.
const DELIVERY_LIMIT: i32 = 20;

/// How long an event that nobody is bound to is kept, in milliseconds, and how many of them.
const UNROUTED_FOR: i32 = 600_000;
const UNROUTED_AT_MOST: i32 = 10_000;

/// How many unrouted events are offered again at once.
const OFFERED_AT_ONCE: usize = 100;

/// What one service hears.
#[derive(Clone, Debug)]
pub(crate) struct Topology {
    service: &'static str,
    bindings: BTreeSet<(&'static str, String)>,
    in_order: bool,
}

impl Topology {
    /// A service that hears nothing yet.
    pub(crate) fn new(service: &'static str) -> Self {
        Self { service, bindings: BTreeSet::new(), in_order: false }
    }

    /// The service hears events of type `T`.
    pub(crate) fn hears<T: Name>(mut self) -> Self {
        self.bindings.insert((EVENTS, T::full_name()));
        self
    }

    /// The service hears events of type `T`, which travel on the personal exchange.
    pub(crate) fn hears_personal<T: Name>(mut self) -> Self {
        self.bindings.insert((PERSONAL, T::full_name()));
        self
    }

    /// The service hears every event of the exchange of everybody, also of types that are not known yet.
    pub(crate) fn hears_everything(mut self) -> Self {
        self.bindings.insert((EVENTS, "#".to_owned()));
        self
    }

    /// One replica consumes at a time, the others stand by: what it has done includes everything that came before.
    pub(crate) fn in_order(mut self) -> Self {
        self.in_order = true;
        self
    }

    pub(crate) fn service(&self) -> &'static str {
        self.service
    }

    /// The queue that the service consumes.
    pub(crate) fn queue(&self) -> String {
        queue_of(self.service)
    }

    /// What the queue is bound to: exchanges and routing keys.
    pub(crate) fn bindings(&self) -> impl Iterator<Item = (&str, &str)> {
        self.bindings.iter().map(|(exchange, kind)| (*exchange, kind.as_str()))
    }

    /// Tells a release from others: by what it is called, and by what it hears where it is not called anything, as on
    /// a developer's machine.
    pub(crate) fn release(&self, name: &str) -> String {
        let heard: Vec<&str> = self.bindings().map(|(_, kind)| kind).collect();
        format!("{name} hears {}", heard.join(" "))
    }

    /// Declares everything; what exists already stays as it is, but for bindings that no release wants any more.
    pub(crate) async fn declare_on(&self, channel: &Channel, pool: &Pool, release: &str) -> Result<(), Error> {
        let queue = self.queue();
        let given_up = dead_letter_queue_of(self.service);
        declare_queue(channel, &given_up, no_arguments()).await?;
        let mut arguments = dead_letters_to(&given_up);
        arguments.insert("x-delivery-limit".into(), AMQPValue::LongInt(DELIVERY_LIMIT));
        if self.in_order {
            arguments.insert("x-single-active-consumer".into(), AMQPValue::Boolean(true));
        }
        declare_queue(channel, &queue, arguments).await?;
        for (name, pause) in PAUSES {
            let mut arguments = dead_letters_to(&queue);
            let milliseconds = i32::try_from(pause.as_millis()).unwrap_or(i32::MAX);
            arguments.insert("x-message-ttl".into(), AMQPValue::LongInt(milliseconds));
            declare_queue(channel, &retry_queue_of(self.service, name), arguments).await?;
        }
        for exchange in self.exchanges() {
            declare_exchange(channel, exchange).await?;
        }
        bindings::settle(channel, pool, self, release).await
    }

    /// Offers unrouted events again, so that those from before the first declaration of the service reach it.
    ///
    /// They go through their exchange: what another service has bound meanwhile reaches that service, what still nobody
    /// wants comes to rest again.
    pub(crate) async fn offer_unrouted(&self, channel: &Channel) -> Result<(), Error> {
        for exchange in self.exchanges() {
            offer_unrouted_of(channel, exchange).await?;
        }
        Ok(())
    }

    fn exchanges(&self) -> BTreeSet<&'static str> {
        self.bindings.iter().map(|(exchange, _)| *exchange).collect()
    }
}

/// Declares the queues of a service before it starts for the first time, as `migrate` does: no event can come too
/// early.
pub(crate) async fn declare(amqp: &Amqp, pool: &Pool, topology: &Topology, release: &str) -> Result<(), Error> {
    let connection = amqp.connect(&format!("{} declares", topology.service)).await?;
    let channel = confirmed_channel(&connection).await?;
    topology.declare_on(&channel, pool, release).await?;
    topology.offer_unrouted(&channel).await?;
    close(&connection, "declared").await;
    Ok(())
}

/// Declares an exchange and the queue that catches what nobody is bound to.
pub(crate) async fn declare_exchange(channel: &Channel, exchange: &'static str) -> Result<(), Error> {
    let unrouted = unrouted_queue_of(exchange);
    let options = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
    let name = || unrouted.as_str().into();
    patiently(channel.exchange_declare(name(), ExchangeKind::Fanout, options, no_arguments())).await?;
    let mut arguments = no_arguments();
    arguments.insert("x-message-ttl".into(), AMQPValue::LongInt(UNROUTED_FOR));
    arguments.insert("x-max-length".into(), AMQPValue::LongInt(UNROUTED_AT_MOST));
    declare_queue(channel, &unrouted, arguments).await?;
    patiently(channel.queue_bind(name(), name(), "".into(), QueueBindOptions::default(), no_arguments())).await?;
    let mut arguments = no_arguments();
    arguments.insert("alternate-exchange".into(), AMQPValue::LongString(unrouted.as_str().into()));
    patiently(channel.exchange_declare(exchange.into(), ExchangeKind::Topic, options, arguments)).await
}

pub(crate) fn queue_of(service: &str) -> String {
    format!("{service}.events")
}

pub(crate) fn retry_queue_of(service: &str, pause: &str) -> String {
    format!("{service}.events.retry.{pause}")
}

pub(crate) fn dead_letter_queue_of(service: &str) -> String {
    format!("{service}.events.dead-letters")
}

fn unrouted_queue_of(exchange: &str) -> String {
    format!("{exchange}.unrouted")
}

/// Arguments by which the broker moves a message on, and forgets it here only once it is stored there.
pub fn dead_letters_to(queue: &str) -> FieldTable {
    let mut arguments = no_arguments();
    for (name, value) in [
        ("x-dead-letter-exchange", ""),
        ("x-dead-letter-routing-key", queue),
        ("x-dead-letter-strategy", "at-least-once"),
        ("x-overflow", "reject-publish"),
    ] {
        arguments.insert(name.into(), AMQPValue::LongString(value.into()));
    }
    arguments
}

/// Declares a durable quorum queue and says how many messages wait in it.
///
/// # Errors
///
/// The broker's, that it did not answer in time, or that the queue was declared otherwise before.
pub async fn declare_queue(channel: &Channel, queue: &str, mut arguments: FieldTable) -> Result<u32, Error> {
    arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
    let declared = patiently(channel.queue_declare(queue.into(), QueueDeclareOptions::durable(), arguments)).await?;
    Ok(declared.message_count())
}

async fn offer_unrouted_of(channel: &Channel, exchange: &'static str) -> Result<(), Error> {
    let queue = unrouted_queue_of(exchange);
    // What comes to rest again goes to the end; counting first is what ends the round.
    let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
    let counted = patiently(channel.queue_declare(queue.as_str().into(), passive, no_arguments())).await?;
    let mut left = usize::try_from(counted.message_count()).unwrap_or(usize::MAX);
    while left > 0 {
        let mut taken = Vec::new();
        while taken.len() < left.min(OFFERED_AT_ONCE) {
            let Some(message) = patiently(channel.basic_get(queue.as_str().into(), BasicGetOptions::default())).await?
            else {
                break;
            };
            taken.push(message.delivery);
        }
        if taken.is_empty() {
            return Ok(());
        }
        left -= taken.len();
        let confirmations = taken.iter().map(async |message| {
            let (key, properties) = (message.routing_key.clone(), message.properties.clone());
            let options = BasicPublishOptions::default();
            channel.basic_publish(exchange.into(), key, options, &message.data, properties).await?.await
        });
        for confirmation in patiently(try_join_all(confirmations)).await? {
            stored(confirmation)?;
        }
        for message in &taken {
            patiently(message.acker.ack(BasicAckOptions::default())).await?;
        }
    }
    Ok(())
}
