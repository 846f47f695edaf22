//! The ids that this service makes and hears of. A notice is an entry of a person's feed.

pub use ids::{CaseId, CertificateId, DeliveryId, EventId, NotificationId as NoticeId, OrderId, RunId, UserId};

/// An id for a person's next entry that is greater than that of the latest, whatever clock made it: readers resume after an id.
pub fn following(latest: Option<NoticeId>, new: NoticeId) -> NoticeId {
    let latest = latest.map_or(0, |latest| latest.uuid().as_u128());
    NoticeId::from_uuid(uuid::Uuid::from_u128(new.uuid().as_u128().max(latest.saturating_add(1))))
}
