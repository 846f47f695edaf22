//! A manager who asks for reports, and events to tell them of.

use auth::Channel;
use bus::Envelope;
use proto::lyceum::{
    analytics::v1::report_service_client::ReportServiceClient,
    events::v1::{
        CourseCompleted, EnrolmentStarted, EntitlementGranted, LessonCompleted, OrderPaid, OrderPlaced, OrderRefunded,
        PublishedLesson, RunPublished,
    },
    values::v1::Money,
};
use testkit::{Fleet, Served, serve};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tonic::Status;
use uuid::Uuid;

use crate::helpers::{World, envelope};

pub(crate) struct Office {
    pub(crate) world: World,
    pub(crate) fleet: Fleet,
    door: Served,
}

impl Office {
    pub(crate) async fn new() -> Self {
        let world = World::new().await;
        let fleet = Fleet::new(world.clock.shared());
        let door = serve(analytics::grpc::routes(std::sync::Arc::clone(&world.app)), fleet.layer()).await;
        Self { world, fleet, door }
    }

    pub(crate) fn ask(&self) -> ReportServiceClient<Channel> {
        self.ask_as(&["reports.read"])
    }

    pub(crate) fn ask_as(&self, permissions: &[&str]) -> ReportServiceClient<Channel> {
        ReportServiceClient::new(self.door.to(self.fleet.person(Uuid::new_v4(), permissions)))
    }
}

/// An instant such as `2026-11-01T23:30:00Z`.
pub(crate) fn at(text: &str) -> OffsetDateTime {
    OffsetDateTime::parse(text, &Rfc3339).unwrap()
}

/// Something that is the same number everywhere.
pub(crate) fn id(number: u128) -> String {
    Uuid::from_u128(number).to_string()
}

pub(crate) fn money(minor: i64, currency: &str) -> Option<Money> {
    Some(Money { minor, currency: currency.to_owned() })
}

pub(crate) fn placed(order: u128, minor: i64, when: &str) -> Envelope {
    let (order_id, number, buyer_id) = (id(order), format!("LY-{order}"), id(order));
    envelope(at(when), &OrderPlaced { order_id, number, buyer_id, total: money(minor, "RUB") })
}

pub(crate) fn paid_in(order: u128, minor: i64, currency: &str, when: &str) -> Envelope {
    let (order_id, number, buyer_id) = (id(order), format!("LY-{order}"), id(order));
    envelope(at(when), &OrderPaid { order_id, number, buyer_id, total: money(minor, currency) })
}

pub(crate) fn paid(order: u128, minor: i64, when: &str) -> Envelope {
    paid_in(order, minor, "RUB", when)
}

pub(crate) fn refunded(order: u128, minor: i64, when: &str) -> Envelope {
    let (order_id, number, buyer_id) = (id(order), format!("LY-{order}"), id(order));
    let amount = money(minor, "RUB");
    envelope(at(when), &OrderRefunded { order_id, number, buyer_id, refund_id: id(order), amount })
}

/// An entitlement has the number of the enrolment that comes of it.
pub(crate) fn granted(enrolment: u128, order: u128, when: &str) -> Envelope {
    let event = EntitlementGranted {
        entitlement_id: id(enrolment),
        order_id: id(order),
        learner_id: id(enrolment),
        run_id: id(RUN),
        ..Default::default()
    };
    envelope(at(when), &event)
}

/// The run of those who need no more than one.
pub(crate) const RUN: u128 = 7_000;

pub(crate) fn started(enrolment: u128, learner: u128, when: &str) -> Envelope {
    let event = EnrolmentStarted {
        enrolment_id: id(enrolment),
        learner_id: id(learner),
        course_id: id(RUN),
        run_id: id(RUN),
        entitlement_id: id(enrolment),
    };
    envelope(at(when), &event)
}

pub(crate) fn learnt(enrolment: u128, learner: u128, lesson: u128, when: &str) -> Envelope {
    let event = LessonCompleted {
        enrolment_id: id(enrolment),
        learner_id: id(learner),
        course_id: id(RUN),
        run_id: id(RUN),
        lesson_id: id(lesson),
    };
    envelope(at(when), &event)
}

pub(crate) fn finished(enrolment: u128, learner: u128, when: &str) -> Envelope {
    let event = CourseCompleted {
        enrolment_id: id(enrolment),
        learner_id: id(learner),
        course_id: id(RUN),
        run_id: id(RUN),
        version: 1,
        completed_at: None,
    };
    envelope(at(when), &event)
}

/// Lessons by number, and whether they are required.
pub(crate) fn published(title: &str, lessons: &[(u128, bool)], when: &str) -> Envelope {
    let lesson = |(number, required): &(u128, bool)| PublishedLesson {
        lesson_id: id(*number),
        title: format!("Lesson {number}"),
        required: *required,
    };
    let event = RunPublished {
        course_id: id(RUN),
        run_id: id(RUN),
        version: 1,
        title: title.to_owned(),
        language: "ru".to_owned(),
        lessons: lessons.iter().map(lesson).collect(),
    };
    envelope(at(when), &event)
}

/// The fields that a refusal complains of.
pub(crate) fn wrong(status: &Status) -> Vec<String> {
    rpc::Problem::from(status).violations.into_iter().map(|violation| violation.field).collect()
}
