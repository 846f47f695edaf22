//! The ids that this service hands out.

pub use ids::{AuditEntryId, ConsentId, SessionId, UserId};
