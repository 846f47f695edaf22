//! The voice and the ear: what payments announces, in the transaction that causes it, and what it hears.

use bus::{Envelope, Event, Failure};
use proto::lyceum::{
    events::v1::{
        EntitlementGranted, EntitlementRevoked, OrderPaid, OrderPlaced, OrderRefunded, PaymentFailed, RunPublished,
        UserErased,
    },
    values::v1::Money as MoneyPb,
};
use sqlx::PgConnection;
use time::OffsetDateTime;
use values::{Id, Kind, Money, SharedClock};

use crate::{
    Error,
    domain::{self, Entitlement, Order, Refund},
    flows,
    store::{self, run::Run},
};

const ORDER: &str = "order";
const ENTITLEMENT: &str = "entitlement";

/// Somebody ordered.
pub async fn order_placed(
    conn: &mut PgConnection,
    order: &Order,
    actor: &str,
    now: OffsetDateTime,
) -> Result<(), sqlx::Error> {
    let placed = OrderPlaced {
        order_id: order.id.to_string(),
        number: order.number.as_str().to_owned(),
        buyer_id: order.buyer.to_string(),
        total: Some(money(order.total)),
    };
    bus::announce(conn, Event::new(&placed, ORDER, order.id.uuid(), order.version), bus::By { actor, now }).await
}

/// An order was paid.
pub async fn order_paid(
    conn: &mut PgConnection,
    order: &Order,
    actor: &str,
    now: OffsetDateTime,
) -> Result<(), sqlx::Error> {
    let paid = OrderPaid {
        order_id: order.id.to_string(),
        number: order.number.as_str().to_owned(),
        buyer_id: order.buyer.to_string(),
        total: Some(money(order.total)),
    };
    bus::announce(conn, Event::new(&paid, ORDER, order.id.uuid(), order.version), bus::By { actor, now }).await
}

/// An order's money went back.
pub async fn order_refunded(
    conn: &mut PgConnection,
    order: &Order,
    refund: &Refund,
    actor: &str,
    now: OffsetDateTime,
) -> Result<(), sqlx::Error> {
    let refunded = OrderRefunded {
        order_id: order.id.to_string(),
        number: order.number.as_str().to_owned(),
        buyer_id: order.buyer.to_string(),
        refund_id: refund.id.to_string(),
        amount: Some(money(refund.amount)),
    };
    bus::announce(conn, Event::new(&refunded, ORDER, order.id.uuid(), order.version), bus::By { actor, now }).await
}

/// A try to pay an order failed.
pub async fn payment_failed(
    conn: &mut PgConnection,
    order: &Order,
    failure: domain::Failure,
    actor: &str,
    now: OffsetDateTime,
) -> Result<(), sqlx::Error> {
    let failed = PaymentFailed {
        order_id: order.id.to_string(),
        number: order.number.as_str().to_owned(),
        buyer_id: order.buyer.to_string(),
        reason: failure.as_str().to_owned(),
    };
    bus::announce(conn, Event::new(&failed, ORDER, order.id.uuid(), order.version), bus::By { actor, now }).await
}

/// A learner may use a run.
pub async fn entitlement_granted(
    conn: &mut PgConnection,
    entitlement: &Entitlement,
    actor: &str,
    now: OffsetDateTime,
) -> Result<(), sqlx::Error> {
    let granted = EntitlementGranted {
        entitlement_id: entitlement.id.to_string(),
        order_id: entitlement.order.to_string(),
        learner_id: entitlement.learner.to_string(),
        run_id: entitlement.grant.run.to_string(),
        starts_at: Some(entitlement.starts_at.into()),
        ends_at: entitlement.ends_at.map(Into::into),
    };
    let event = Event::new(&granted, ENTITLEMENT, entitlement.id.uuid(), entitlement.version);
    bus::announce(conn, event, bus::By { actor, now }).await
}

/// A learner may not use a run any more.
pub async fn entitlement_revoked(
    conn: &mut PgConnection,
    entitlement: &Entitlement,
    reason: &str,
    actor: &str,
    now: OffsetDateTime,
) -> Result<(), sqlx::Error> {
    let revoked = EntitlementRevoked {
        entitlement_id: entitlement.id.to_string(),
        order_id: entitlement.order.to_string(),
        learner_id: entitlement.learner.to_string(),
        run_id: entitlement.grant.run.to_string(),
        reason: reason.to_owned(),
    };
    let event = Event::new(&revoked, ENTITLEMENT, entitlement.id.uuid(), entitlement.version);
    bus::announce(conn, event, bus::By { actor, now }).await
}

/// A run can be sold from now on, or is called otherwise.
pub async fn on_run_published(
    conn: &mut PgConnection,
    envelope: &Envelope,
    event: RunPublished,
) -> Result<(), Failure> {
    let run =
        Run { id: id(&event.run_id)?, course: id(&event.course_id)?, title: event.title, language: event.language };
    Ok(store::run::keep(conn, &run, envelope.aggregate_version).await?)
}

/// A person's data has to go.
pub async fn on_user_erased(
    clock: &SharedClock,
    conn: &mut PgConnection,
    _envelope: &Envelope,
    event: UserErased,
) -> Result<(), Failure> {
    let erased = flows::erase_buyer::erase_buyer(conn, id(&event.user_id)?, clock.now()).await;
    erased.map_err(|error| match error {
        Error::Unavailable(error) => error.into(),
        other => Failure::Retry(other.into()),
    })
}

/// An id in an event that is none will never become one.
fn id<K: Kind>(text: &str) -> Result<Id<K>, Failure> {
    text.parse().map_err(|error| Failure::DeadLetter(format!("{text:?}: {error}")))
}

fn money(amount: Money) -> MoneyPb {
    MoneyPb { minor: amount.minor(), currency: amount.currency().as_str().to_owned() }
}
