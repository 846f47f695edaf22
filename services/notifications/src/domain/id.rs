//! The kinds of ids that this service makes. Append only.

use values::Id;

values::kinds! {
    Notice => "notification",
    Delivery => "delivery",
    User => "user",
    Run => "run",
    Order => "order",
    Event => "event",
}

pub type NoticeId = Id<Notice>;
pub type DeliveryId = Id<Delivery>;
pub type UserId = Id<User>;
pub type RunId = Id<Run>;
pub type OrderId = Id<Order>;
pub type EventId = Id<Event>;
