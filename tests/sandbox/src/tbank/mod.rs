//! T-Bank's internet acquiring as its documents describe it: the API, the hosted payment page, signed notifications.

mod api;
mod notice;
mod page;
mod payment;
mod token;

use std::collections::BTreeMap;

use axum::Router;
use serde_json::{Value, json};

use crate::world::World;
use payment::Payment;

/// What the bank remembers.
#[derive(Debug, Default)]
pub(crate) struct Bank {
    payments: BTreeMap<u64, Payment>,
    notices: Vec<Value>,
}

impl Bank {
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
