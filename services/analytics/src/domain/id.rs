//! The ids that this service hears of.

pub use ids::{
    CertificateId, CourseId, EnrolmentId, EntitlementId, EventId, LessonId, OrderId, RefundId, RunId, UserId,
};
