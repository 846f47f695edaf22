//! The Document System over RabbitMQ: what it is asked, and the fate of everything that may come back.

use bus::dead_letter::{self, DeadLetter};
use documents::{
    document_system::{COMMANDS, CONTENT_TYPE, FAILED, QUEUE, REJECTED, RESULTS, SUBMITTED, VERIFIED},
    jobs,
};
use lapin::{
    BasicProperties, Channel, Connection, ConnectionProperties, ExchangeKind,
    options::{BasicGetOptions, BasicPublishOptions, ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions},
    types::{AMQPValue, FieldTable},
};
use proto::lyceum::documents::v1::{EscalateCaseRequest, PaperKind, VerificationCase, verification_case::State};
use serde_json::{Value, json};
use testkit::{Broker, eventually};
use uuid::Uuid;

use crate::desk::{Desk, PATIENCE, history, reason};

/// The other side, written from what both have agreed on.
struct Peer {
    channel: Channel,
    _connection: Connection,
    broker: Broker,
}

/// What was given up, oldest first.
async fn dead_letters(desk: &Desk) -> Vec<DeadLetter> {
    dead_letter::list(&desk.db.pool).await.unwrap()
}

/// A question as it arrived.
struct Question {
    properties: BasicProperties,
    event: Value,
}

impl Peer {
    async fn new() -> Self {
        let broker = Broker::new().await;
        let connection = Connection::connect(&broker.url, ConnectionProperties::default()).await.unwrap();
        let channel = connection.create_channel().await.unwrap();
        let durable = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
        for exchange in [COMMANDS, RESULTS] {
            let declared =
                channel.exchange_declare(exchange.into(), ExchangeKind::Topic, durable, FieldTable::default());
            declared.await.unwrap();
        }
        let mut quorum = FieldTable::default();
        quorum.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
        channel.queue_declare("verifier".into(), QueueDeclareOptions::durable(), quorum).await.unwrap();
        let (bind, none) = (QueueBindOptions::default(), FieldTable::default());
        channel.queue_bind("verifier".into(), COMMANDS.into(), SUBMITTED.into(), bind, none).await.unwrap();
        Self { channel, _connection: connection, broker }
    }

    async fn question(&self) -> Option<Question> {
        let got = self.channel.basic_get("verifier".into(), BasicGetOptions { no_ack: true }).await.unwrap()?;
        let event = serde_json::from_slice(&got.delivery.data).unwrap();
        Some(Question { properties: got.delivery.properties, event })
    }

    async fn send(&self, key: &str, properties: BasicProperties, body: &[u8]) {
        let (options, properties) = (BasicPublishOptions::default(), properties.with_delivery_mode(2));
        let sent = self.channel.basic_publish(RESULTS.into(), key.into(), options, body, properties);
        sent.await.unwrap().await.unwrap();
    }

    async fn answer(&self, event: &Value) {
        let case = event["subject"].as_str().unwrap();
        let properties =
            BasicProperties::default().with_content_type(CONTENT_TYPE.into()).with_correlation_id(case.into());
        self.send(event["type"].as_str().unwrap(), properties, event.to_string().as_bytes()).await;
    }
}

/// An answer to a question.
fn answer(to: &Question, kind: &str, more: Value) -> Value {
    let asked = &to.event["data"];
    let mut data = json!({"requestId": asked["requestId"], "caseId": asked["caseId"], "tutorId": asked["tutorId"]});
    data.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({
        "specversion": "1.0", "id": Uuid::new_v4().to_string(), "source": "urn:docverify", "type": kind,
        "subject": asked["caseId"], "time": "2026-03-02T09:00:00Z", "datacontenttype": "application/json", "data": data,
    })
}

async fn becomes(desk: &Desk, case: &VerificationCase, state: State) -> VerificationCase {
    eventually("the case changes", PATIENCE, async || {
        let case = desk.look(case).await;
        (case.state() == state).then_some(case)
    })
    .await
}

/// Answers that are ignored leave no trace; one more that changes another case shows that they were taken.
async fn settled(desk: &Desk, peer: &Peer) {
    let case = desk.submit(Uuid::new_v4(), PaperKind::TaxStatus, "").await;
    desk.ask(&peer.broker).await;
    let question = peer.question().await.unwrap();
    peer.answer(&answer(&question, VERIFIED, json!({}))).await;
    becomes(desk, &case, State::Verified).await;
}

/// A case that the Document System was asked about.
async fn asked(desk: &Desk, peer: &Peer) -> (VerificationCase, Question) {
    let case = desk.submit(Uuid::new_v4(), PaperKind::Identity, "2031-05-31").await;
    desk.ask(&peer.broker).await;
    (case, peer.question().await.expect("a question"))
}

#[tokio::test]
async fn the_document_system_is_asked_with_links_and_never_with_a_paper() {
    let (desk, peer) = (Desk::with_system().await, Peer::new().await);
    let (case, question) = asked(&desk, &peer).await;
    assert_eq!(case.state(), State::Checking);
    let deadline = case.deadline.and_then(|at| at.to_time()).unwrap();
    assert_eq!(deadline - values::Clock::now(&desk.clock), time::Duration::hours(3));
    let text = |value: &Option<lapin::types::ShortString>| value.as_ref().unwrap().to_string();
    let properties = &question.properties;
    assert_eq!(text(properties.content_type()), CONTENT_TYPE);
    assert_eq!(text(properties.correlation_id()), case.case_id);
    assert_eq!(text(properties.message_id()), question.event["id"]);
    assert_eq!((text(properties.kind()).as_str(), *properties.delivery_mode()), (SUBMITTED, Some(2)));
    let event = &question.event;
    assert_eq!(
        (&event["specversion"], &event["type"], &event["subject"]),
        (&json!("1.0"), &json!(SUBMITTED), &json!(case.case_id))
    );
    let data = &event["data"];
    assert_eq!((&data["tutorId"], &data["kind"]), (&json!(case.tutor_id), &json!("identity")));
    let file = &data["files"][0];
    let url = file["url"].as_str().unwrap();
    assert!(url.contains("X-Amz-Signature=") && url.contains("X-Amz-Expires=3600"), "{url}");
    assert_eq!((&file["sizeBytes"], file["sha256"].as_str().unwrap().len()), (&json!(1000), 64));
    let text = event.to_string();
    assert!(!text.contains("passport.pdf"), "names are personal: {text}");
    assert_eq!(history(&desk.look(&case).await), ["submitted", "asked"]);
    desk.ask(&peer.broker).await;
    assert!(peer.question().await.is_none(), "once is enough for an hour");
}

#[tokio::test]
async fn each_answer_has_its_effect_once() {
    let (desk, peer) = (Desk::with_system().await, Peer::new().await);
    desk.hearing(&peer.broker, async {
        let (case, question) = asked(&desk, &peer).await;
        let verified = answer(&question, VERIFIED, json!({"validUntil": "2030-01-31"}));
        peer.answer(&verified).await;
        let case = becomes(&desk, &case, State::Verified).await;
        assert_eq!(
            (case.valid_until.as_deref(), history(&case)),
            (Some("2030-01-31"), vec!["submitted", "asked", "answered"])
        );
        assert_eq!(case.history[2].actor, "document-system");
        peer.answer(&verified).await;
        peer.answer(&answer(&question, REJECTED, json!({"reason": "FORGED"}))).await;
        settled(&desk, &peer).await;
        assert_eq!(desk.look(&case).await.state(), State::Verified, "neither a repetition nor a second thought counts");
        let names = desk.event_names().await;
        assert_eq!(names.iter().filter(|name| *name == "DocumentVerified").count(), 2, "one a case: {names:?}");
        assert_eq!(names.iter().filter(|name| *name == "TutorVerified").count(), 1);

        let (case, question) = asked(&desk, &peer).await;
        peer.answer(&answer(&question, REJECTED, json!({"reason": "NAME_DIFFERS", "detail": "Anna, not Hannah"})))
            .await;
        let case = becomes(&desk, &case, State::Rejected).await;
        assert_eq!((case.reason.as_deref(), case.comment), (Some("NAME_DIFFERS"), None));

        let (case, question) = asked(&desk, &peer).await;
        peer.answer(&answer(&question, VERIFIED, json!({"validUntil": "2026-03-01"}))).await;
        assert_eq!(becomes(&desk, &case, State::Rejected).await.reason.as_deref(), Some("OUT_OF_DATE"));

        let (case, question) = asked(&desk, &peer).await;
        peer.answer(&answer(&question, FAILED, json!({"detail": "the link did not work"}))).await;
        let case = becomes(&desk, &case, State::InReview).await;
        assert!(case.history[2].detail.as_deref().unwrap().contains("the link did not work"));
    })
    .await;
    assert_eq!(dead_letters(&desk).await.len(), 0);
}

#[tokio::test]
async fn what_makes_no_sense_becomes_a_dead_letter_with_its_reason_and_harms_no_case() {
    let (desk, peer) = (Desk::with_system().await, Peer::new().await);
    desk.hearing(&peer.broker, async {
        let (case, question) = asked(&desk, &peer).await;
        let good = answer(&question, VERIFIED, json!({}));
        let structured = || BasicProperties::default().with_content_type(CONTENT_TYPE.into());
        let correlated = || structured().with_correlation_id(case.case_id.as_str().into());
        peer.send(VERIFIED, correlated(), b"{\"specversion\": \"1.0\",").await;
        let mut old = good.clone();
        old["specversion"] = json!("0.3");
        peer.answer(&old).await;
        peer.send(VERIFIED, BasicProperties::default(), good.to_string().as_bytes()).await;
        let unknown = Uuid::new_v4().to_string();
        let mut another = good.clone();
        another["subject"] = json!(unknown);
        peer.answer(&another).await;
        peer.send(VERIFIED, structured().with_correlation_id(unknown.as_str().into()), good.to_string().as_bytes())
            .await;
        peer.answer(&answer(&question, VERIFIED, json!({"tutorId": Uuid::new_v4().to_string()}))).await;
        peer.answer(&answer(&question, VERIFIED, json!({"requestId": Uuid::new_v4().to_string()}))).await;
        let dead = eventually("dead letters", PATIENCE, async || {
            let dead = dead_letters(&desk).await;
            (dead.len() == 7).then_some(dead)
        })
        .await;
        assert!(dead.iter().all(|letter| letter.queue == QUEUE && !letter.kind.is_empty() && letter.attempts == 1));
        let expected = [
            "the body is not a CloudEvent: line 1, column 23",
            "the version of CloudEvents is not 1.0",
            "the content type is not application/cloudevents+json",
            "there is no such case",
            "the correlation id and the subject name different cases",
            "the case is another tutor's",
            "the case was never asked about under this id",
        ];
        for (reason, expected) in dead.iter().map(|letter| &letter.reason).zip(expected) {
            assert!(reason.starts_with(&expected[..20]), "{reason:?} is not {expected:?}");
        }
        assert_eq!(desk.look(&case).await.state(), State::Checking);
        // The same answer, mended and sent back to the queue as `documents dead-letters replay` does, still counts.
        let options = BasicPublishOptions::default();
        let body = good.to_string().into_bytes();
        peer.channel.basic_publish("".into(), QUEUE.into(), options, &body, correlated()).await.unwrap().await.unwrap();
        becomes(&desk, &case, State::Verified).await;
    })
    .await;
}

#[tokio::test]
async fn a_silent_document_system_is_asked_again_under_the_same_id_and_then_people_take_over() {
    let (desk, peer) = (Desk::with_system().await, Peer::new().await);
    let (case, first) = asked(&desk, &peer).await;
    for _ in 0..2 {
        desk.clock.advance(time::Duration::HOUR);
        desk.ask(&peer.broker).await;
        let again = peer.question().await.expect("asked again");
        assert_eq!(again.event["id"], first.event["id"]);
        assert_eq!(again.properties.message_id(), first.properties.message_id());
        assert_ne!(
            again.event["data"]["files"][0]["url"], first.event["data"]["files"][0]["url"],
            "the links are fresh"
        );
        jobs::paper::give_up_waiting(&desk.app).await.unwrap();
        assert_eq!(desk.look(&case).await.state(), State::Checking);
    }
    desk.clock.advance(time::Duration::HOUR);
    jobs::paper::give_up_waiting(&desk.app).await.unwrap();
    jobs::paper::give_up_waiting(&desk.app).await.unwrap();
    let escalated = desk.look(&case).await;
    assert_eq!((escalated.state(), escalated.deadline), (State::InReview, None));
    assert_eq!(history(&escalated), ["submitted", "asked", "asked", "asked", "escalated"]);
    desk.ask(&peer.broker).await;
    assert!(peer.question().await.is_none(), "the case is not the Document System's any more");

    // What comes now is only worth a note to those who decide.
    desk.hearing(&peer.broker, async {
        peer.answer(&answer(&first, VERIFIED, json!({}))).await;
        let noted = eventually("the answer is noted", PATIENCE, async || {
            let case = desk.look(&case).await;
            (history(&case).last() == Some(&"answered late")).then_some(case)
        })
        .await;
        assert_eq!(noted.state(), State::InReview);
    })
    .await;
    desk.approve(Uuid::new_v4(), &case, "").await.unwrap();
    assert_eq!(desk.approve(Uuid::new_v4(), &case, "").await.unwrap().state(), State::Verified);
}

#[tokio::test]
async fn an_answer_to_the_first_question_counts_after_the_second() {
    let (desk, peer) = (Desk::with_system().await, Peer::new().await);
    let (case, first) = asked(&desk, &peer).await;
    desk.clock.advance(time::Duration::HOUR);
    desk.ask(&peer.broker).await;
    desk.hearing(&peer.broker, async {
        peer.answer(&answer(&first, VERIFIED, json!({}))).await;
        becomes(&desk, &case, State::Verified).await;
    })
    .await;
}

#[tokio::test]
async fn people_decide_only_what_they_have_taken_over() {
    let (desk, peer) = (Desk::with_system().await, Peer::new().await);
    let (case, question) = asked(&desk, &peer).await;
    assert_eq!(reason(desk.approve(Uuid::new_v4(), &case, "").await), "CASE_NOT_IN_REVIEW");
    let request = EscalateCaseRequest { case_id: case.case_id.clone() };
    let escalated = desk.reviewing(Uuid::new_v4()).escalate_case(request).await.unwrap().into_inner();
    assert_eq!(escalated.state(), State::InReview);
    desk.reject(Uuid::new_v4(), &case, "FORGED").await.unwrap();
    desk.hearing(&peer.broker, async {
        peer.answer(&answer(&question, VERIFIED, json!({}))).await;
        settled(&desk, &peer).await;
    })
    .await;
    assert_eq!(desk.look(&case).await.state(), State::Rejected);
    assert_eq!(dead_letters(&desk).await.len(), 0);
}

#[tokio::test]
async fn a_broker_that_is_away_holds_up_nobody_and_is_asked_later() {
    let (desk, peer) = (Desk::with_system().await, Peer::new().await);
    let case = desk.submit(Uuid::new_v4(), PaperKind::Identity, "").await;
    let nowhere = documents::document_system::Line::new("amqp://guest:guest@127.0.0.1:1/%2f".parse().unwrap());
    documents::flows::ask_system::run(&desk.app, &nowhere).await.unwrap();
    assert_eq!(history(&desk.look(&case).await), ["submitted"], "it was not asked, so nothing says so");
    desk.ask(&peer.broker).await;
    assert!(peer.question().await.is_none(), "not at once");
    desk.clock.advance(time::Duration::seconds(11));
    desk.ask(&peer.broker).await;
    assert!(peer.question().await.is_some());
}

#[tokio::test]
async fn two_replicas_ask_once() {
    let (desk, peer) = (Desk::with_system().await, Peer::new().await);
    for _ in 0..5 {
        desk.submit(Uuid::new_v4(), PaperKind::Identity, "").await;
    }
    tokio::join!(desk.ask(&peer.broker), desk.ask(&peer.broker), desk.ask(&peer.broker));
    let mut asked = std::collections::BTreeMap::<String, usize>::new();
    while let Some(question) = peer.question().await {
        *asked.entry(question.event["id"].to_string()).or_default() += 1;
    }
    assert_eq!(asked.values().copied().collect::<Vec<_>>(), [1; 5]);
}

#[tokio::test]
async fn an_ear_that_is_cut_off_listens_again() {
    let (desk, peer) = (Desk::with_system().await, Peer::new().await);
    let (case, question) = asked(&desk, &peer).await;
    desk.hearing(&peer.broker, async {
        let (other, second) = asked(&desk, &peer).await;
        peer.answer(&answer(&second, VERIFIED, json!({}))).await;
        becomes(&desk, &other, State::Verified).await;
        peer.broker.cut_connections().await;
        let connection = Connection::connect(&peer.broker.url, ConnectionProperties::default()).await.unwrap();
        let peer = Peer {
            channel: connection.create_channel().await.unwrap(),
            _connection: connection,
            broker: Broker::new().await,
        };
        peer.answer(&answer(&question, VERIFIED, json!({}))).await;
        becomes(&desk, &case, State::Verified).await;
    })
    .await;
}
