//! The Document System: what it answers, and what goes wrong when it is told to.

use axum::{Router, routing::get};
use futures::StreamExt;
use lapin::{
    BasicProperties, Channel, Connection, ConnectionProperties, Consumer,
    message::Delivery,
    options::{BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, QueueBindOptions, QueueDeclareOptions},
    types::{AMQPValue, FieldTable},
};
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};
use testkit::{Broker, eventually};

use crate::helpers::{PATIENCE, Sandbox};

const CASE: &str = "0198c2f4-7b1e-7c3a-9d55-3f0e8a1b2c4d";
const PAPER: &[u8] = b"%PDF-1.7 a passport";

/// A school that asks, and listens to the answers.
struct Asking {
    sandbox: Sandbox,
    files: String,
    channel: Channel,
    answers: Consumer,
    _connection: Connection,
    _broker: Broker,
}

impl Asking {
    async fn new() -> Self {
        let broker = Broker::new().await;
        let sandbox = Sandbox::start(&[("SANDBOX_AMQP_URL", &broker.url)]).await;
        let connection = Connection::connect(&broker.url, ConnectionProperties::default()).await.unwrap();
        let channel = connection.create_channel().await.unwrap();
        eventually("the Document System is there", PATIENCE, async || {
            let channel = connection.create_channel().await.unwrap();
            let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
            channel.queue_declare("docverify.sandbox".into(), passive, FieldTable::default()).await.ok()
        })
        .await;
        let mut quorum = FieldTable::default();
        quorum.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
        channel.queue_declare("answers".into(), QueueDeclareOptions::durable(), quorum).await.unwrap();
        let (bind, none) = (QueueBindOptions::default(), FieldTable::default());
        channel.queue_bind("answers".into(), "docverify.results".into(), "#".into(), bind, none).await.unwrap();
        let consume = BasicConsumeOptions::default();
        let answers =
            channel.basic_consume("answers".into(), "t".into(), consume, FieldTable::default()).await.unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let files = format!("http://{}/paper", listener.local_addr().unwrap());
        let app = Router::new().route("/paper", get(async || PAPER));
        #[expect(clippy::disallowed_methods, reason = "it ends with the test")]
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { sandbox, files, channel, answers, _connection: connection, _broker: broker }
    }

    async fn fault(&self, fault: Value) {
        let answer = self.sandbox.client.post(format!("{}/control/faults", self.sandbox.url)).json(&fault);
        assert_eq!(answer.send().await.unwrap().status(), 201);
    }

    async fn ask(&self, sha256: &str) {
        let event = json!({
            "specversion": "1.0", "id": "ask-1", "source": "urn:school", "type": "document.submitted.v1",
            "subject": CASE, "time": "2026-03-02T09:00:00Z", "datacontenttype": "application/json",
            "data": {
                "requestId": "ask-1", "caseId": CASE, "tutorId": "tutor-1", "kind": "identity",
                "validUntil": "2031-05-31",
                "files": [{"url": self.files, "sha256": sha256, "sizeBytes": PAPER.len(), "contentType": "application/pdf"}],
            },
        });
        let properties = BasicProperties::default()
            .with_content_type("application/cloudevents+json".into())
            .with_correlation_id(CASE.into())
            .with_message_id("ask-1".into());
        let options = BasicPublishOptions::default();
        let (exchange, key) = ("docverify.commands".into(), "document.submitted.v1".into());
        let body = event.to_string().into_bytes();
        self.channel.basic_publish(exchange, key, options, &body, properties).await.unwrap().await.unwrap();
    }

    async fn answer(&mut self) -> Delivery {
        let answer = tokio::time::timeout(PATIENCE, self.answers.next()).await.expect("an answer").unwrap().unwrap();
        answer.acker.ack(BasicAckOptions::default()).await.unwrap();
        answer
    }

    async fn asked(&self) -> Vec<Value> {
        let list = self.sandbox.client.get(format!("{}/control/docverify", self.sandbox.url));
        list.send().await.unwrap().json().await.unwrap()
    }
}

fn right() -> String {
    hex::encode(digest(&SHA256, PAPER))
}

fn body(answer: &Delivery) -> Value {
    serde_json::from_slice(&answer.data).unwrap()
}

#[tokio::test]
async fn a_good_paper_is_verified_after_its_file_was_fetched_and_compared() {
    let mut asking = Asking::new().await;
    asking.ask(&right()).await;
    let answer = asking.answer().await;
    assert_eq!(answer.routing_key.as_str(), "document.verified.v1");
    assert_eq!(answer.properties.correlation_id().as_ref().unwrap().as_str(), CASE);
    assert_eq!(answer.properties.content_type().as_ref().unwrap().as_str(), "application/cloudevents+json");
    let event = body(&answer);
    assert_eq!((&event["specversion"], &event["subject"]), (&json!("1.0"), &json!(CASE)));
    let data = &event["data"];
    assert_eq!((&data["requestId"], &data["validUntil"]), (&json!("ask-1"), &json!("2031-05-31")));
    let asked = asking.asked().await;
    assert_eq!((&asked[0]["messageId"], &asked[0]["found"]), (&json!("ask-1"), &json!("good")));
}

#[tokio::test]
async fn a_file_that_is_not_what_was_said_fails() {
    let mut asking = Asking::new().await;
    asking.ask(&hex::encode(digest(&SHA256, b"another"))).await;
    let answer = asking.answer().await;
    assert_eq!(answer.routing_key.as_str(), "document.failed.v1");
    assert_eq!(body(&answer)["data"]["detail"], "a file has another SHA-256");
}

#[tokio::test]
async fn each_fault_does_what_it_says() {
    let mut asking = Asking::new().await;
    asking.fault(json!({"on": "docverify", "kind": "rejected", "reason": "FORGED", "containing": CASE})).await;
    asking.ask(&right()).await;
    let answer = asking.answer().await;
    assert_eq!(
        (answer.routing_key.as_str(), &body(&answer)["data"]["reason"]),
        ("document.rejected.v1", &json!("FORGED"))
    );

    asking.fault(json!({"on": "docverify", "kind": "failed"})).await;
    asking.ask(&right()).await;
    assert_eq!(asking.answer().await.routing_key.as_str(), "document.failed.v1");

    asking.fault(json!({"on": "docverify", "kind": "twice"})).await;
    asking.ask(&right()).await;
    let (one, two) = (asking.answer().await, asking.answer().await);
    assert_eq!((body(&one), &two.redelivered), (body(&two), &false));

    asking.fault(json!({"on": "docverify", "kind": "never"})).await;
    asking.fault(json!({"on": "docverify", "kind": "unknown-case"})).await;
    asking.ask(&right()).await;
    asking.ask(&right()).await;
    let unknown = asking.answer().await;
    assert_ne!(unknown.properties.correlation_id().as_ref().unwrap().as_str(), CASE);
    assert_eq!(asking.asked().await.last().unwrap()["answer"], "unknown-case");

    asking.fault(json!({"on": "docverify", "kind": "wrong-tutor"})).await;
    asking.ask(&right()).await;
    assert_ne!(body(&asking.answer().await)["data"]["tutorId"], "tutor-1");

    asking.fault(json!({"on": "docverify", "kind": "malformed"})).await;
    asking.ask(&right()).await;
    assert!(serde_json::from_slice::<Value>(&asking.answer().await.data).is_err());

    asking.fault(json!({"on": "docverify", "kind": "late", "delayMs": 300})).await;
    asking.ask(&right()).await;
    asking.ask(&hex::encode(digest(&SHA256, b"another"))).await;
    assert_eq!(asking.answer().await.routing_key.as_str(), "document.failed.v1", "the second overtakes the first");
    assert_eq!(asking.answer().await.routing_key.as_str(), "document.verified.v1");
}
