//! The kinds of ids that this service makes. Append only.

use values::Id;

values::kinds! {
    Notice => "notification",
    Delivery => "delivery",
    User => "user",
    Run => "run",
    Order => "order",
    Event => "event",
    Certificate => "certificate",
    Case => "case",
}

pub type NoticeId = Id<Notice>;
pub type DeliveryId = Id<Delivery>;
pub type UserId = Id<User>;
pub type RunId = Id<Run>;
pub type OrderId = Id<Order>;
pub type EventId = Id<Event>;
pub type CertificateId = Id<Certificate>;
pub type CaseId = Id<Case>;

/// An id for a person's next entry that is greater than that of the latest, whatever clock made it: readers resume after an id.
pub fn following(latest: Option<NoticeId>, new: NoticeId) -> NoticeId {
    let latest = latest.map_or(0, |latest| latest.uuid().as_u128());
    NoticeId::from_uuid(uuid::Uuid::from_u128(new.uuid().as_u128().max(latest.saturating_add(1))))
}
