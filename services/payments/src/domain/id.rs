//! The ids that payments knows. An attempt to pay an order is a payment to everybody else.

pub use ids::{
    CourseId, EntitlementId, FactId, IntentId, OrderId, PaymentId as AttemptId, PriceId, ProductId, PromoCodeId,
    RefundId, RunId, UserId, WebhookId,
};
