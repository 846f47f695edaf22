//! What ids identify here. Append only: a kind's name stands in error messages.

use values::Id;

/// The kinds themselves, named like the things, which is why they live in a module of their own.
pub mod kind {
    values::kinds! {
        Product => "product",
        Price => "price",
        PromoCode => "promo code",
        Order => "order",
        Intent => "payment intent",
        Attempt => "payment",
        Refund => "refund",
        Entitlement => "entitlement",
        Fact => "revenue fact",
        Webhook => "webhook",
        Run => "run",
        Course => "course",
        User => "user",
    }
}

pub type ProductId = Id<kind::Product>;
pub type PriceId = Id<kind::Price>;
pub type PromoCodeId = Id<kind::PromoCode>;
pub type OrderId = Id<kind::Order>;
pub type IntentId = Id<kind::Intent>;
pub type AttemptId = Id<kind::Attempt>;
pub type RefundId = Id<kind::Refund>;
pub type EntitlementId = Id<kind::Entitlement>;
pub type FactId = Id<kind::Fact>;
pub type WebhookId = Id<kind::Webhook>;
pub type RunId = Id<kind::Run>;
pub type CourseId = Id<kind::Course>;
pub type UserId = Id<kind::User>;
