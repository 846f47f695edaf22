//! The law of selling: what may be ordered for how much, when an order is paid, what a provider's report changes.
//!
//! Pure: no SQL, no wire, no clock, no logging. Reading order: products and prices, promo codes, quotes, orders; then
//! what is owed (intent), one try to pay it (attempt), money on its way back (refund), and what a paid order opens
//! (entitlement).

pub mod attempt;
pub mod entitlement;
pub mod failure;
pub mod id;
pub mod intent;
pub mod order;
pub mod product;
pub mod promo;
pub mod quote;
pub mod refund;
pub mod refusal;
pub mod report;
pub mod revenue;
pub mod schedule;
pub mod webhook;

pub use attempt::Attempt;
pub use entitlement::Entitlement;
pub use failure::Failure;
pub use id::{
    AttemptId, CourseId, EntitlementId, FactId, IntentId, OrderId, PriceId, ProductId, PromoCodeId, RefundId, RunId,
    UserId, WebhookId,
};
pub use intent::Intent;
pub use order::Order;
pub use product::{Grant, Price, Product};
pub use promo::PromoCode;
pub use quote::{Amounts, Quote};
pub use refund::Refund;
pub use refusal::Refusal;
pub use report::{Report, Status};
