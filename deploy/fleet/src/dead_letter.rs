//! `cargo fleet dead-letters`: messages that a consumer gave up on, and handing them to it again.

use anyhow::{Context, Result, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::home::Home;
use crate::ledger;
use crate::plan::Plan;
use crate::progress::Table;
use crate::stores::{DOCUMENT_SYSTEM, Rabbitmq, VHOST};

/// Where a service parks what it gave up on: `<service>.events.parked`, `documents.docverify-results.parked`.
const PARKED: &str = ".parked";
/// How many messages of a queue are looked at.
const MOST: u64 = 5_000;

/// A queue, as the management API lists it.
#[derive(Debug, Deserialize)]
struct Queue {
    vhost: String,
    name: String,
}

/// A message, as the management API gives it.
#[derive(Debug, Deserialize)]
struct Message {
    payload: String,
    payload_encoding: String,
    properties: Value,
}

impl Message {
    /// A property that is a text, or nothing.
    fn property(&self, name: &str) -> &str {
        self.properties[name].as_str().unwrap_or_default()
    }

    fn header(&self, name: &str) -> String {
        match &self.properties["headers"][name] {
            Value::String(text) => text.clone(),
            Value::Null => String::new(),
            other => other.to_string(),
        }
    }

    /// Why it is parked: the consumer's reason, or the broker's where the message took the consumer down each time.
    fn reason(&self) -> String {
        Some(self.header("reason"))
            .filter(|reason| !reason.is_empty())
            .unwrap_or_else(|| self.header("x-first-death-reason"))
    }

    /// The same message for another queue, with all attempts ahead: they are counted in its headers.
    fn republished(&self, queue: &str) -> Value {
        let mut properties = self.properties.as_object().cloned().unwrap_or_default();
        properties.insert("headers".to_owned(), json!({}));
        let payload = match self.payload_encoding.as_str() {
            "base64" => self.payload.clone(),
            _ => STANDARD.encode(&self.payload),
        };
        json!({"properties": properties, "routing_key": queue, "payload": payload, "payload_encoding": "base64"})
    }
}

fn broker(home: &Home) -> Result<Rabbitmq> {
    if ledger::running(home, "rabbitmq")?.is_none() {
        bail!("RabbitMQ does not run: start the fleet with `cargo fleet up`");
    }
    Ok(Plan::of_running(home)?.stores.rabbitmq)
}

/// The queues of parked messages, of one service or of all.
async fn parked(broker: &Rabbitmq, service: Option<&str>) -> Result<Vec<Queue>> {
    let mut queues = Vec::new();
    for vhost in [VHOST, DOCUMENT_SYSTEM] {
        let path = format!("queues/{vhost}");
        queues.extend(serde_json::from_value::<Vec<Queue>>(broker.call(Method::GET, &path, None).await?)?);
    }
    let wanted = |queue: &Queue| {
        let owner = queue.name.strip_suffix(PARKED).and_then(|name| name.split('.').next());
        owner.is_some() && (service.is_none() || service == owner)
    };
    Ok(queues.into_iter().filter(wanted).collect())
}

/// Reads messages from the head of a queue; they stay there unless they are taken.
async fn read(broker: &Rabbitmq, queue: &Queue, count: u64, take: bool) -> Result<Vec<Message>> {
    let mode = if take { "ack_requeue_false" } else { "ack_requeue_true" };
    let body = json!({"count": count, "ackmode": mode, "encoding": "base64"});
    let answer = broker.call(Method::POST, &format!("queues/{}/{}/get", queue.vhost, queue.name), Some(body)).await?;
    Ok(serde_json::from_value(answer)?)
}

/// Prints what is parked and why.
pub(crate) async fn list(home: &Home, service: Option<&str>) -> Result<()> {
    let broker = broker(home)?;
    let mut table = Table::new(&["QUEUE", "EVENT", "ID", "ATTEMPTS", "REASON"]);
    let mut count = 0;
    for queue in parked(&broker, service).await? {
        for message in read(&broker, &queue, MOST, false).await? {
            count += 1;
            table.row([
                queue.name.clone(),
                message.property("type").to_owned(),
                message.property("message_id").to_owned(),
                message.header("attempts"),
                message.reason(),
            ]);
        }
    }
    if count == 0 {
        println!("Nothing is parked.");
        return Ok(());
    }
    print!("{}", table.render());
    println!("\n  When the cause is mended: `cargo fleet dead-letters replay`.");
    Ok(())
}

/// Hands everything that is parked to its consumer again.
///
/// Each message is put into the consumer's queue before it is taken from the parked ones. Cut short in between it is there
/// twice, which consumers notice by the event's id; it is never lost.
pub(crate) async fn replay(home: &Home, service: Option<&str>) -> Result<()> {
    let broker = broker(home)?;
    let mut count = 0;
    for queue in parked(&broker, service).await? {
        let target = queue.name.strip_suffix(PARKED).context("a parked queue has a name")?;
        // One pass over what is there now: what is given up again meanwhile waits for the next replay.
        let copied = read(&broker, &queue, MOST, false).await?;
        if copied.is_empty() {
            continue;
        }
        for message in &copied {
            publish(&broker, message, &queue.vhost, target).await?;
        }
        let taken = read(&broker, &queue, u64::try_from(copied.len())?, true).await?;
        let is_copied = |message: &&Message| {
            copied.iter().any(|copy| copy.property("message_id") == message.property("message_id"))
        };
        for message in taken.iter().filter(|message| !is_copied(message)) {
            publish(&broker, message, &queue.vhost, target).await?;
        }
        count += taken.len();
    }
    println!("Handed to their consumers again: {count}.");
    Ok(())
}

/// Throws away what a service gave up on and nobody can mend.
pub(crate) async fn discard(home: &Home, service: &str) -> Result<()> {
    let broker = broker(home)?;
    let mut count = 0;
    for queue in parked(&broker, Some(service)).await? {
        for message in read(&broker, &queue, MOST, true).await? {
            count += 1;
            println!("  {}  {}  {}", queue.name, message.property("message_id"), message.reason());
        }
    }
    println!("Thrown away: {count}.");
    Ok(())
}

async fn publish(broker: &Rabbitmq, message: &Message, vhost: &str, queue: &str) -> Result<()> {
    let answer = broker
        .call(Method::POST, &format!("exchanges/{vhost}/amq.default/publish"), Some(message.republished(queue)))
        .await?;
    if answer["routed"] != Value::Bool(true) {
        bail!("RabbitMQ has no queue {queue}: the message stays parked");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_goes_back_as_it_first_came() {
        let message = Message {
            payload: "AAEC".to_owned(),
            payload_encoding: "base64".to_owned(),
            properties: json!({
                "message_id": "m1", "type": "lyceum.events.v1.OrderPaid", "delivery_mode": 2,
                "headers": {"reason": "RUN_UNKNOWN", "attempts": 18, "parked-at": 1}
            }),
        };
        assert_eq!((message.reason().as_str(), message.header("attempts").as_str()), ("RUN_UNKNOWN", "18"));
        let sent = message.republished("courses.events");
        assert_eq!(sent["routing_key"], "courses.events");
        assert_eq!(sent["payload"], "AAEC");
        assert_eq!(sent["properties"]["headers"], json!({}));
        assert_eq!(sent["properties"]["message_id"], "m1");
    }

    #[test]
    fn the_brokers_own_reason_is_told_where_it_parked_the_message() {
        let properties = json!({"headers": {"x-first-death-reason": "delivery_limit"}});
        let message = Message { payload: String::new(), payload_encoding: "string".to_owned(), properties };
        assert_eq!(message.reason(), "delivery_limit");
    }
}
