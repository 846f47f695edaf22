//! The Document System on RabbitMQ: takes questions about papers, looks at the files behind their links and answers, with faults.

use std::time::Duration;

use anyhow::{Context, ensure};
use axum::{Json, Router, extract::State, http::StatusCode, routing::get};
use futures::StreamExt;
use lapin::{
    BasicProperties, Channel, Connection, ConnectionProperties, ExchangeKind,
    message::Delivery,
    options::{
        BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions, ConfirmSelectOptions,
        ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions,
    },
    types::{AMQPValue, FieldTable},
};
use ring::digest::{SHA256, digest};
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    fault::{Kind, Trouble},
    world::{World, meanwhile},
};

const COMMANDS: &str = "docverify.commands";
const RESULTS: &str = "docverify.results";
const SUBMITTED: &str = "document.submitted.v1";
const QUEUE: &str = "docverify.sandbox";
const STRUCTURED: &str = "application/cloudevents+json";
const PERSISTENT: u8 = 2;
/// How soon a broker that is away is looked for again.
const PAUSE: Duration = Duration::from_millis(500);
/// Where its faults strike.
const PLACE: &str = "docverify";

/// A question, and what came of it.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Asked {
    message_id: String,
    correlation_id: String,
    event: Value,
    /// What the files were found to be: `good`, or what is wrong.
    found: String,
    /// The type of the answer, or the fault that struck.
    answer: String,
}

pub(crate) fn routes() -> Router<World> {
    Router::new().route("/control/docverify", get(list).delete(clear))
}

async fn list(State(world): State<World>) -> Json<Vec<Asked>> {
    Json(world.asked().clone())
}

async fn clear(State(world): State<World>) -> StatusCode {
    world.asked().clear();
    StatusCode::NO_CONTENT
}

/// Answers for as long as the world stands. A broker that goes away is waited for.
pub(crate) async fn serve(url: Option<String>, world: World) -> std::io::Result<()> {
    let Some(url) = url else { return std::future::pending().await };
    loop {
        if let Err(error) = session(&url, &world).await {
            eprintln!("sandbox: the Document System starts again: {error:#}");
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn session(url: &str, world: &World) -> anyhow::Result<()> {
    let properties = ConnectionProperties::default().with_connection_name("document system".into());
    let connection = Connection::connect(url, properties).await?;
    let channel = connection.create_channel().await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    let durable = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
    for exchange in [COMMANDS, RESULTS] {
        channel.exchange_declare(exchange.into(), ExchangeKind::Topic, durable, FieldTable::default()).await?;
    }
    let mut arguments = FieldTable::default();
    arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
    channel.queue_declare(QUEUE.into(), QueueDeclareOptions::durable(), arguments).await?;
    let (bind, none) = (QueueBindOptions::default(), FieldTable::default());
    channel.queue_bind(QUEUE.into(), COMMANDS.into(), SUBMITTED.into(), bind, none).await?;
    channel.basic_qos(1, BasicQosOptions::default()).await?;
    let consume =
        channel.basic_consume(QUEUE.into(), "sandbox".into(), BasicConsumeOptions::default(), FieldTable::default());
    let mut questions = consume.await?;
    while let Some(question) = questions.next().await {
        let question = question?;
        answer(&channel, &question, world).await?;
        question.acker.ack(BasicAckOptions::default()).await?;
    }
    anyhow::bail!("the broker closed the channel")
}

async fn answer(channel: &Channel, question: &Delivery, world: &World) -> anyhow::Result<()> {
    let text = |value: &Option<lapin::types::ShortString>| value.as_ref().map(ToString::to_string).unwrap_or_default();
    let message_id = text(question.properties.message_id());
    let correlation_id = text(question.properties.correlation_id());
    let content_type = text(question.properties.content_type());
    let event: Value = serde_json::from_slice(&question.data).unwrap_or_default();
    let found = match look(&event, &content_type, &correlation_id, world).await {
        Ok(()) => "good".to_owned(),
        Err(error) => format!("{error:#}"),
    };
    let trouble = world.faults().take(PLACE, &String::from_utf8_lossy(&question.data));
    let message = compose(&event, &correlation_id, &found, trouble, world);
    let kind = trouble
        .map_or_else(|| message.kind.to_owned(), |trouble| json!(trouble.kind).as_str().unwrap_or_default().to_owned());
    world.asked().push(Asked { message_id, correlation_id, event, found, answer: kind });
    match trouble {
        Some(Trouble { kind: Kind::Never, .. }) => Ok(()),
        Some(Trouble { kind: Kind::Late, delay, .. }) => {
            let channel = channel.clone();
            meanwhile(async move {
                tokio::time::sleep(delay).await;
                if let Err(error) = send(&channel, &message).await {
                    eprintln!("sandbox: a late answer did not leave: {error:#}");
                }
            });
            Ok(())
        }
        Some(Trouble { kind: Kind::Twice, .. }) => {
            send(channel, &message).await?;
            send(channel, &message).await
        }
        _ => send(channel, &message).await,
    }
}

/// Looks at a question as strictly as the real one would: its form, then every file behind its link.
async fn look(event: &Value, content_type: &str, correlation_id: &str, world: &World) -> anyhow::Result<()> {
    ensure!(content_type == STRUCTURED, "the content type is {content_type}");
    ensure!(event["specversion"] == "1.0" && event["type"] == SUBMITTED, "this is no question");
    let data = &event["data"];
    ensure!(
        data["caseId"] == correlation_id && event["subject"] == correlation_id,
        "the case is not the correlation id"
    );
    ensure!(data["requestId"] == event["id"], "the request is not the event");
    let files = data["files"].as_array().filter(|files| !files.is_empty()).context("there are no files")?;
    for file in files {
        let url = file["url"].as_str().context("a file has no link")?;
        let answer = world.http().get(url).send().await.map_err(reqwest::Error::without_url)?;
        ensure!(answer.status().is_success(), "a link answers {}", answer.status());
        let body = answer.bytes().await.map_err(reqwest::Error::without_url)?;
        ensure!(file["sizeBytes"] == body.len(), "a file has another size");
        ensure!(file["sha256"] == hex::encode(digest(&SHA256, &body)), "a file has another SHA-256");
    }
    Ok(())
}

/// An answer on its way.
#[derive(Debug, Clone)]
struct Message {
    kind: &'static str,
    id: String,
    correlation_id: String,
    body: Vec<u8>,
}

fn compose(event: &Value, correlation_id: &str, found: &str, trouble: Option<Trouble>, world: &World) -> Message {
    let asked = &event["data"];
    let mut data = json!({"requestId": asked["requestId"], "caseId": asked["caseId"], "tutorId": asked["tutorId"]});
    let kind = match trouble {
        Some(Trouble { kind: Kind::Rejected, reason, .. }) => {
            data["reason"] = json!(reason);
            "document.rejected.v1"
        }
        Some(Trouble { kind: Kind::Failed, .. }) => {
            data["detail"] = json!("the sandbox was told to fail");
            "document.failed.v1"
        }
        _ if found != "good" => {
            data["detail"] = json!(found);
            "document.failed.v1"
        }
        _ => {
            data["validUntil"] = asked["validUntil"].clone();
            "document.verified.v1"
        }
    };
    let mut correlation_id = correlation_id.to_owned();
    match trouble.map(|trouble| trouble.kind) {
        Some(Kind::UnknownCase) => correlation_id = "00000000-0000-7000-8000-000000000000".to_owned(),
        Some(Kind::WrongTutor) => data["tutorId"] = json!("00000000-0000-7000-8000-000000000000"),
        _ => {}
    }
    let now = world.now();
    let id = format!("sandbox-{}", now.unix_timestamp_nanos());
    let time = now.format(&time::format_description::well_known::Rfc3339).unwrap_or_default();
    let event = json!({
        "specversion": "1.0", "id": id, "source": "urn:docverify:sandbox", "type": kind, "subject": correlation_id,
        "time": time, "datacontenttype": "application/json", "data": data,
    });
    let malformed = trouble.is_some_and(|trouble| trouble.kind == Kind::Malformed);
    let body = if malformed { b"{\"specversion\": \"1.0\", ".to_vec() } else { event.to_string().into_bytes() };
    Message { kind, id, correlation_id, body }
}

async fn send(channel: &Channel, message: &Message) -> anyhow::Result<()> {
    let properties = BasicProperties::default()
        .with_delivery_mode(PERSISTENT)
        .with_content_type(STRUCTURED.into())
        .with_message_id(message.id.as_str().into())
        .with_correlation_id(message.correlation_id.as_str().into())
        .with_type(message.kind.into());
    let (options, key) = (BasicPublishOptions::default(), message.kind.into());
    let confirmed = channel.basic_publish(RESULTS.into(), key, options, &message.body, properties).await?.await?;
    ensure!(confirmed.is_ack(), "the broker did not store an answer");
    Ok(())
}
