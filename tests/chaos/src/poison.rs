//! A message that nobody can apply: a dead letter with its reason, shown, and replayed once its cause is gone.

use anyhow::{Context, Result, ensure};
use base64::{Engine, engine::general_purpose::STANDARD};
use prost::Message;
use proto::{
    lyceum::{
        events::v1::{Envelope, OrderPaid, ProfileChanged},
        values::v1::Money,
    },
    wkt::Timestamp,
};
use reqwest::Method;
use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    count,
    fleet::{Fleet, PATIENCE, eventually},
    point::Point,
};

/// More tries than any event gets.
const LAST_ATTEMPT: u32 = 1_000;

fn moved(process: &str) -> Point {
    Point { process: process.to_owned(), name: "consumer.moved".to_owned() }
}

/// The points that only this scenario reaches.
pub fn points() -> Vec<Point> {
    vec![moved("notifications")]
}

/// Garbage, and an order of somebody whom nobody knows yet. The consumer is killed once between the copy and the acknowledgement.
pub async fn run(fleet: &Fleet) -> Result<()> {
    count::no_dead_letters(fleet).await?;
    garbage(fleet).await.context("garbage")?;
    unknown_buyer(fleet).await.context("an order of an unknown buyer")?;
    count::no_dead_letters(fleet).await
}

/// It can never be applied: it is shown, and a person throws it away.
async fn garbage(fleet: &Fleet) -> Result<()> {
    publish(fleet, "courses.events", b"\xff\xfenot an envelope".to_vec(), json!({})).await?;
    let shown = shown(fleet, "courses", "not an envelope").await?;
    ensure!(shown.contains("courses.events"), "{shown}");
    fleet.launcher(&["run", "courses", "dead-letters", "drop", "--all", "--by", "chaos"]).await?;
    count::no_dead_letters(fleet).await
}

async fn unknown_buyer(fleet: &Fleet) -> Result<()> {
    let (buyer, order, event) = (Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7());
    let paid = OrderPaid {
        order_id: order.to_string(),
        number: "POISON".to_owned(),
        buyer_id: buyer.to_string(),
        total: Some(Money { minor: 149_000, currency: "RUB".to_owned() }),
    };
    let envelope = envelope(event, "lyceum.events.v1.OrderPaid", "order", order, paid.encode_to_vec());
    let point = moved("notifications");
    fleet.arm(&point)?;
    publish(fleet, "notifications.events", envelope, json!({"attempts": LAST_ATTEMPT})).await?;
    let killed = async || fleet.fired(&point).context("the consumer was not killed while it gave it up");
    let died_at = eventually(PATIENCE, killed).await?;
    fleet.comes_back("notifications", died_at).await?;
    shown(fleet, "notifications", &buyer.to_string()).await?;
    // The cause goes: somebody of this id opens an account.
    let profile = ProfileChanged {
        user_id: buyer.to_string(),
        display_name: "Кит".to_owned(),
        email: format!("poison-{}@example.com", buyer.simple()),
        email_confirmed: true,
        language: "ru".to_owned(),
        time_zone: "Europe/Moscow".to_owned(),
    };
    let known = envelope_of_profile(buyer, &profile);
    publish(fleet, "notifications.events", known, json!({})).await?;
    let notifications = fleet.database("notifications")?;
    let count = async |statement: &'static str| -> Result<i64> {
        Ok(sqlx::query_scalar(statement).bind(buyer).fetch_one(notifications).await?)
    };
    eventually(PATIENCE, async || {
        let known = count("select count(*) from recipients where recipient_id = $1").await?;
        ensure!(known == 1, "nobody knows the buyer");
        Ok(())
    })
    .await?;
    // The row from before the death and the delivery after it come to the same entry.
    eventually(PATIENCE, async || {
        fleet.launcher(&["run", "notifications", "dead-letters", "replay", "--all", "--by", "chaos"]).await?;
        count::no_dead_letters(fleet).await?;
        let told = count("select count(*) from notices where recipient_id = $1").await?;
        ensure!(told == 1, "{told} entries in the feed after the replay");
        Ok(())
    })
    .await
}

/// Waits until the service shows a dead letter with its reason.
async fn shown(fleet: &Fleet, service: &str, reason: &str) -> Result<String> {
    eventually(PATIENCE, async || {
        let shown = fleet.launcher(&["run", service, "dead-letters", "list"]).await?;
        ensure!(shown.contains(reason), "no reason {reason:?} in:\n{shown}");
        Ok(shown)
    })
    .await
}

fn envelope_of_profile(user: Uuid, profile: &ProfileChanged) -> Vec<u8> {
    envelope(Uuid::now_v7(), "lyceum.events.v1.ProfileChanged", "user", user, profile.encode_to_vec())
}

fn envelope(id: Uuid, kind: &str, aggregate_type: &str, aggregate: Uuid, payload: Vec<u8>) -> Vec<u8> {
    let envelope = Envelope {
        id: id.to_string(),
        r#type: kind.to_owned(),
        aggregate_type: aggregate_type.to_owned(),
        aggregate_id: aggregate.to_string(),
        aggregate_version: 1,
        occurred_at: Some(Timestamp::from(OffsetDateTime::now_utc())),
        actor: "service:chaos".to_owned(),
        traceparent: String::new(),
        payload,
    };
    envelope.encode_to_vec()
}

/// Puts a message into a queue, past every exchange.
async fn publish(fleet: &Fleet, queue: &str, payload: Vec<u8>, headers: Value) -> Result<()> {
    let message = json!({
        "routing_key": queue, "payload": STANDARD.encode(payload), "payload_encoding": "base64",
        "properties": {"delivery_mode": 2, "message_id": Uuid::now_v7().to_string(), "headers": headers},
    });
    let answer = fleet.broker(Method::POST, "exchanges/lyceum/amq.default/publish", Some(message)).await?;
    ensure!(answer["routed"] == true, "there is no queue {queue}");
    Ok(())
}
