//! T-Bank's internet acquiring as its documents describe it: the API, the hosted payment page, signed notifications.

mod api;
mod notice;
mod page;
mod payment;
mod token;

use std::collections::BTreeMap;

use axum::Router;
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::world::World;
use payment::Payment;

/// What the bank remembers.
#[derive(Debug)]
pub(crate) struct Bank {
    payments: BTreeMap<u64, Payment>,
    notices: Vec<Value>,
    /// The number of the next payment.
    next: u64,
    /// How often everything was forgotten; what was under way before a reset must not reach into the time after it.
    era: u32,
}

impl Bank {
    /// A bank that opens now. Payments are numbered from the time, so that a merchant who remembers an earlier bank never meets a number twice.
    pub(crate) fn open(now: OffsetDateTime) -> Self {
        let next = u64::try_from(now.unix_timestamp()).unwrap_or_default() * 1_000;
        Self { payments: BTreeMap::new(), notices: Vec::new(), next, era: 0 }
    }

    /// Forgets payments and notifications, and stops repeating them.
    pub(crate) fn reset(&mut self) {
        self.payments.clear();
        self.notices.clear();
        self.era += 1;
    }

    /// Payments and the notifications that left, for the index page and the tests.
    pub(crate) fn report(&self) -> Value {
        let payments: Vec<_> = self.payments.values().rev().map(summary).collect();
        json!({"payments": payments, "notifications": self.notices})
    }
}

fn summary(payment: &Payment) -> Value {
    json!({
        "paymentId": payment.id.to_string(), "orderId": payment.field("OrderId"), "amount": payment.amount,
        "refunded": payment.refunded, "status": payment.status, "description": payment.field("Description"),
    })
}

pub(crate) fn routes() -> Router<World> {
    Router::new().merge(api::routes()).merge(page::routes())
}
