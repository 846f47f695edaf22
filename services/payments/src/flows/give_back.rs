//! Ends the order whose money is back with the payer, takes the access away and announces it. Once, however it became
//! known.

use bus::By;
use sqlx::PgConnection;

use super::settle_attempt::book;
use crate::{
    announce,
    domain::{
        Attempt, Order, Refund, attempt, entitlement, order,
        revenue::{self, Kind, Source},
    },
    error::Result,
    store,
};

/// Saves a refund that has succeeded with all that follows. `paid` is the attempt whose money it is, already refunded,
/// and what it was before; none where nothing was paid.
pub(super) async fn run(
    conn: &mut PgConnection,
    order: Order,
    paid: Option<(&Attempt, attempt::State)>,
    refund: Refund,
    by: By<'_>,
) -> Result<Refund> {
    let refund = Refund { updated_at: by.now, ..refund.succeeded() };
    store::refund::update(conn, &refund).await?;
    if let Some((attempt, _)) = paid {
        store::attempt::update(conn, attempt, None).await?;
    }
    let source = Source::Refund(refund.id);
    if matches!(paid, Some((_, attempt::State::Overpaid))) {
        book(conn, &order, Kind::OverpaidReturned, source, vec![(None, refund.amount)], by.now).await?;
    } else if order.state == order::State::Paid {
        let shares = revenue::shares(&order).into_iter().map(|(run, share)| (Some(run), share)).collect();
        book(conn, &order, Kind::Refunded, source, shares, by.now).await?;
        end(conn, order, &refund, by).await?;
    }
    metrics::counter!("refunds_total", "cause" => refund.cause.as_str(), "state" => "succeeded").increment(1);
    let minor = u64::try_from(refund.amount.minor()).unwrap_or_default();
    metrics::counter!("payments_returned_minor_total", "currency" => refund.amount.currency().to_string())
        .increment(minor);
    Ok(refund)
}

async fn end(conn: &mut PgConnection, order: Order, refund: &Refund, by: By<'_>) -> Result<()> {
    let order = order.refunded(by.now)?;
    store::order::update(conn, &order).await?;
    announce::order_refunded(conn, &order, refund, by).await?;
    for granted in store::entitlement::of_order(conn, order.buyer, order.id).await? {
        if let Some(revoked) = granted.revoked(entitlement::REFUNDED, by.now) {
            store::entitlement::update(conn, &revoked).await?;
            announce::entitlement_revoked(conn, &revoked, entitlement::REFUNDED, by).await?;
        }
    }
    Ok(())
}
