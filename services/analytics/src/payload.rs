//! Events as messages: the envelope as it is kept, and what a payload says that is counted.

use std::any::type_name;

use prost::{Message, Name};
use proto::lyceum::events::v1::{
    CertificateIssued, CertificateRevoked, CourseCompleted, EnrolmentEnded, EnrolmentStarted, EntitlementGranted,
    Envelope, LessonCompleted, OrderPaid, OrderPlaced, OrderRefunded, RunPublished, UserRegistered,
};
use time::OffsetDateTime;
use uuid::Uuid;
use values::{Currency, Id, Kind, Money};

use crate::domain::event::Event;
use crate::domain::fact::{Fact, Lesson, What};
use crate::domain::id::EventId;

/// Why a message is no event, or not what its type says.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Bad(String);

/// An envelope as it is kept.
pub fn event(envelope: Envelope) -> Result<Event, Bad> {
    let occurred_at = envelope.occurred_at.and_then(|at| at.to_time());
    Ok(Event {
        id: EventId::from_uuid(uuid("id", &envelope.id)?),
        kind: envelope.r#type,
        aggregate_type: envelope.aggregate_type,
        aggregate_id: uuid("aggregate_id", &envelope.aggregate_id)?,
        aggregate_version: envelope.aggregate_version,
        occurred_at: in_microseconds(occurred_at.ok_or_else(|| Bad("occurred_at is no instant".to_owned()))?),
        actor: envelope.actor,
        payload: envelope.payload,
    })
}

/// A kept event as it came, but for its trace, which is over.
pub fn envelope(event: &Event) -> Envelope {
    Envelope {
        id: event.id.to_string(),
        r#type: event.kind.clone(),
        aggregate_type: event.aggregate_type.clone(),
        aggregate_id: event.aggregate_id.to_string(),
        aggregate_version: event.aggregate_version,
        occurred_at: Some(event.occurred_at.into()),
        actor: event.actor.clone(),
        traceparent: String::new(),
        payload: event.payload.clone(),
    }
}

/// An instant as precise as the database keeps it, so that what is read again is what was heard.
fn in_microseconds(at: OffsetDateTime) -> OffsetDateTime {
    at.replace_nanosecond(at.microsecond() * 1_000).unwrap_or(at)
}

/// What an event says that is counted; nothing where its type says nothing of that kind, or is a later release's.
pub fn fact(kind: &str, at: OffsetDateTime, payload: &[u8]) -> Result<Option<Fact>, Bad> {
    let Some(name) = kind.strip_prefix(PACKAGE) else { return Ok(None) };
    let Some((_, read)) = READERS.iter().find(|(known, _)| *known == name) else { return Ok(None) };
    Ok(Some(Fact { at, what: read(payload)? }))
}

const PACKAGE: &str = "lyceum.events.v1.";

type Reader = fn(&[u8]) -> Result<What, Bad>;

const READERS: [(&str, Reader); 12] = [
    (LessonCompleted::NAME, lesson_completed),
    (OrderPlaced::NAME, order_placed),
    (OrderPaid::NAME, order_paid),
    (EntitlementGranted::NAME, entitlement_granted),
    (EnrolmentStarted::NAME, enrolment_started),
    (UserRegistered::NAME, user_registered),
    (CourseCompleted::NAME, course_completed),
    (CertificateIssued::NAME, certificate_issued),
    (OrderRefunded::NAME, order_refunded),
    (EnrolmentEnded::NAME, enrolment_ended),
    (CertificateRevoked::NAME, certificate_revoked),
    (RunPublished::NAME, run_published),
];

fn user_registered(payload: &[u8]) -> Result<What, Bad> {
    let said: UserRegistered = read(payload)?;
    Ok(What::UserRegistered { user: id("user_id", &said.user_id)? })
}

fn order_placed(payload: &[u8]) -> Result<What, Bad> {
    let said: OrderPlaced = read(payload)?;
    let (order, buyer) = (id("order_id", &said.order_id)?, id("buyer_id", &said.buyer_id)?);
    Ok(What::OrderPlaced { order, number: said.number, buyer, total: money("total", said.total)? })
}

fn order_paid(payload: &[u8]) -> Result<What, Bad> {
    let said: OrderPaid = read(payload)?;
    let (order, buyer) = (id("order_id", &said.order_id)?, id("buyer_id", &said.buyer_id)?);
    Ok(What::OrderPaid { order, number: said.number, buyer, total: money("total", said.total)? })
}

fn order_refunded(payload: &[u8]) -> Result<What, Bad> {
    let said: OrderRefunded = read(payload)?;
    let (order, refund) = (id("order_id", &said.order_id)?, id("refund_id", &said.refund_id)?);
    Ok(What::OrderRefunded { order, refund, amount: money("amount", said.amount)? })
}

fn entitlement_granted(payload: &[u8]) -> Result<What, Bad> {
    let said: EntitlementGranted = read(payload)?;
    Ok(What::EntitlementGranted {
        entitlement: id("entitlement_id", &said.entitlement_id)?,
        order: id("order_id", &said.order_id)?,
        learner: id("learner_id", &said.learner_id)?,
        run: id("run_id", &said.run_id)?,
    })
}

fn run_published(payload: &[u8]) -> Result<What, Bad> {
    let said: RunPublished = read(payload)?;
    let (course, run) = (id("course_id", &said.course_id)?, id("run_id", &said.run_id)?);
    let lessons = said.lessons.into_iter().map(|lesson| {
        let id = id("lesson_id", &lesson.lesson_id)?;
        Ok(Lesson { id, title: lesson.title, required: lesson.required })
    });
    Ok(What::RunPublished {
        course,
        run,
        version: said.version,
        title: said.title,
        lessons: lessons.collect::<Result<_, Bad>>()?,
    })
}

fn enrolment_started(payload: &[u8]) -> Result<What, Bad> {
    let said: EnrolmentStarted = read(payload)?;
    Ok(What::EnrolmentStarted {
        enrolment: id("enrolment_id", &said.enrolment_id)?,
        learner: id("learner_id", &said.learner_id)?,
        course: id("course_id", &said.course_id)?,
        run: id("run_id", &said.run_id)?,
        entitlement: optional("entitlement_id", &said.entitlement_id)?,
    })
}

fn enrolment_ended(payload: &[u8]) -> Result<What, Bad> {
    let said: EnrolmentEnded = read(payload)?;
    Ok(What::EnrolmentEnded { enrolment: id("enrolment_id", &said.enrolment_id)? })
}

fn lesson_completed(payload: &[u8]) -> Result<What, Bad> {
    let said: LessonCompleted = read(payload)?;
    Ok(What::LessonCompleted {
        enrolment: id("enrolment_id", &said.enrolment_id)?,
        learner: id("learner_id", &said.learner_id)?,
        run: id("run_id", &said.run_id)?,
        lesson: id("lesson_id", &said.lesson_id)?,
    })
}

fn course_completed(payload: &[u8]) -> Result<What, Bad> {
    let said: CourseCompleted = read(payload)?;
    Ok(What::CourseCompleted {
        enrolment: id("enrolment_id", &said.enrolment_id)?,
        learner: id("learner_id", &said.learner_id)?,
        run: id("run_id", &said.run_id)?,
    })
}

fn certificate_issued(payload: &[u8]) -> Result<What, Bad> {
    let said: CertificateIssued = read(payload)?;
    Ok(What::CertificateIssued {
        certificate: id("certificate_id", &said.certificate_id)?,
        enrolment: id("enrolment_id", &said.enrolment_id)?,
        predecessor: optional("predecessor_id", &said.predecessor_id)?,
    })
}

fn certificate_revoked(payload: &[u8]) -> Result<What, Bad> {
    let said: CertificateRevoked = read(payload)?;
    Ok(What::CertificateRevoked { certificate: id("certificate_id", &said.certificate_id)? })
}

fn read<T: Message + Default>(payload: &[u8]) -> Result<T, Bad> {
    T::decode(payload).map_err(|error| Bad(format!("the payload is no {}: {error}", type_name::<T>())))
}

fn id<K: Kind>(field: &str, text: &str) -> Result<Id<K>, Bad> {
    text.parse().map_err(|error| Bad(format!("{field}: {error}")))
}

fn optional<K: Kind>(field: &str, text: &str) -> Result<Option<Id<K>>, Bad> {
    if text.is_empty() { Ok(None) } else { id(field, text).map(Some) }
}

fn uuid(field: &str, text: &str) -> Result<Uuid, Bad> {
    Uuid::try_parse(text).map_err(|_| Bad(format!("{field} is no id")))
}

fn money(field: &str, money: Option<proto::lyceum::values::v1::Money>) -> Result<Money, Bad> {
    let money = money.ok_or_else(|| Bad(format!("{field} is missing")))?;
    let currency = Currency::parse(&money.currency).map_err(|error| Bad(format!("{field}: {error}")))?;
    Ok(Money::new(money.minor, currency))
}
