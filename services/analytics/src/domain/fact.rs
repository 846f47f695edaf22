//! What an event says that a report counts. A fact may be told twice, late and in any order; its ids tell repetitions apart.

use time::OffsetDateTime;
use values::Money;

use super::id::{CertificateId, CourseId, EnrolmentId, EntitlementId, LessonId, OrderId, RefundId, RunId, UserId};

/// Something that is counted, and when it happened.
#[derive(Clone, Debug, PartialEq)]
pub struct Fact {
    pub at: OffsetDateTime,
    pub what: What,
}

#[derive(Clone, Debug, PartialEq)]
pub enum What {
    UserRegistered {
        user: UserId,
    },
    OrderPlaced {
        order: OrderId,
        number: String,
        buyer: UserId,
        total: Money,
    },
    OrderPaid {
        order: OrderId,
        number: String,
        buyer: UserId,
        total: Money,
    },
    OrderRefunded {
        order: OrderId,
        refund: RefundId,
        amount: Money,
    },
    EntitlementGranted {
        entitlement: EntitlementId,
        order: OrderId,
        learner: UserId,
        run: RunId,
    },
    RunPublished {
        course: CourseId,
        run: RunId,
        version: i32,
        title: String,
        lessons: Vec<Lesson>,
    },
    EnrolmentStarted {
        enrolment: EnrolmentId,
        learner: UserId,
        course: CourseId,
        run: RunId,
        entitlement: Option<EntitlementId>,
    },
    EnrolmentEnded {
        enrolment: EnrolmentId,
    },
    LessonCompleted {
        enrolment: EnrolmentId,
        learner: UserId,
        run: RunId,
        lesson: LessonId,
    },
    CourseCompleted {
        enrolment: EnrolmentId,
        learner: UserId,
        run: RunId,
    },
    CertificateIssued {
        certificate: CertificateId,
        enrolment: EnrolmentId,
        predecessor: Option<CertificateId>,
    },
    CertificateRevoked {
        certificate: CertificateId,
    },
}

/// A lesson of a published run, in its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Lesson {
    pub id: LessonId,
    pub title: String,
    pub required: bool,
}
