//! What payments announces, in the transaction that causes it.

use bus::{By, Event, announce};
use proto::lyceum::{
    events::v1::{EntitlementGranted, EntitlementRevoked, OrderPaid, OrderPlaced, OrderRefunded, PaymentFailed},
    values::v1::Money as MoneyPb,
};
use sqlx::PgConnection;
use values::Money;

use crate::domain::{Entitlement, Failure, Order, Refund};

const ORDER: &str = "order";
const ENTITLEMENT: &str = "entitlement";

/// Somebody ordered.
pub async fn order_placed(conn: &mut PgConnection, order: &Order, by: By<'_>) -> Result<(), sqlx::Error> {
    let placed = OrderPlaced {
        order_id: order.id.to_string(),
        number: order.number.as_str().to_owned(),
        buyer_id: order.buyer.to_string(),
        total: Some(money(order.amounts.total)),
    };
    announce(conn, Event::new(&placed, ORDER, order.id.uuid(), order.version), by).await
}

/// An order was paid.
pub async fn order_paid(conn: &mut PgConnection, order: &Order, by: By<'_>) -> Result<(), sqlx::Error> {
    let paid = OrderPaid {
        order_id: order.id.to_string(),
        number: order.number.as_str().to_owned(),
        buyer_id: order.buyer.to_string(),
        total: Some(money(order.amounts.total)),
    };
    announce(conn, Event::new(&paid, ORDER, order.id.uuid(), order.version), by).await
}

/// An order's money went back.
pub async fn order_refunded(
    conn: &mut PgConnection,
    order: &Order,
    refund: &Refund,
    by: By<'_>,
) -> Result<(), sqlx::Error> {
    let refunded = OrderRefunded {
        order_id: order.id.to_string(),
        number: order.number.as_str().to_owned(),
        buyer_id: order.buyer.to_string(),
        refund_id: refund.id.to_string(),
        amount: Some(money(refund.amount)),
    };
    announce(conn, Event::new(&refunded, ORDER, order.id.uuid(), order.version), by).await
}

/// A try to pay an order failed.
pub async fn payment_failed(
    conn: &mut PgConnection,
    order: &Order,
    failure: Failure,
    by: By<'_>,
) -> Result<(), sqlx::Error> {
    let failed = PaymentFailed {
        order_id: order.id.to_string(),
        number: order.number.as_str().to_owned(),
        buyer_id: order.buyer.to_string(),
        reason: failure.as_str().to_owned(),
    };
    announce(conn, Event::new(&failed, ORDER, order.id.uuid(), order.version), by).await
}

/// A learner may use a run.
pub async fn entitlement_granted(
    conn: &mut PgConnection,
    entitlement: &Entitlement,
    by: By<'_>,
) -> Result<(), sqlx::Error> {
    let granted = EntitlementGranted {
        entitlement_id: entitlement.id.to_string(),
        order_id: entitlement.order.to_string(),
        learner_id: entitlement.learner.to_string(),
        run_id: entitlement.run.to_string(),
        starts_at: Some(entitlement.starts_at.into()),
        ends_at: entitlement.ends_at.map(Into::into),
    };
    announce(conn, Event::new(&granted, ENTITLEMENT, entitlement.id.uuid(), entitlement.version), by).await
}

/// A learner may not use a run any more.
pub async fn entitlement_revoked(
    conn: &mut PgConnection,
    entitlement: &Entitlement,
    reason: &str,
    by: By<'_>,
) -> Result<(), sqlx::Error> {
    let revoked = EntitlementRevoked {
        entitlement_id: entitlement.id.to_string(),
        order_id: entitlement.order.to_string(),
        learner_id: entitlement.learner.to_string(),
        run_id: entitlement.run.to_string(),
        reason: reason.to_owned(),
    };
    announce(conn, Event::new(&revoked, ENTITLEMENT, entitlement.id.uuid(), entitlement.version), by).await
}

fn money(amount: Money) -> MoneyPb {
    MoneyPb { minor: amount.minor(), currency: amount.currency().as_str().to_owned() }
}
