//! The kinds of ids that this service hears of. Append only.

use values::Id;

values::kinds! {
    Event => "event",
    User => "user",
    Order => "order",
    Refund => "refund",
    Entitlement => "entitlement",
    Course => "course",
    Run => "run",
    Lesson => "lesson",
    Enrolment => "enrolment",
    Certificate => "certificate",
}

pub type EventId = Id<Event>;
pub type UserId = Id<User>;
pub type OrderId = Id<Order>;
pub type RefundId = Id<Refund>;
pub type EntitlementId = Id<Entitlement>;
pub type CourseId = Id<Course>;
pub type RunId = Id<Run>;
pub type LessonId = Id<Lesson>;
pub type EnrolmentId = Id<Enrolment>;
pub type CertificateId = Id<Certificate>;
