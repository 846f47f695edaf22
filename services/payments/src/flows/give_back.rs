//! The money is back with the payer: end the order, take the access away, say so. Once, by whichever way it became known.

use sqlx::PgConnection;
use time::OffsetDateTime;

use super::settle::book;
use crate::{
    Error,
    domain::{
        Attempt, Order, Refund, attempt, entitlement, order,
        revenue::{self, Kind, Source},
    },
    events, store,
};

/// Saves a refund that has succeeded with all that follows. `paid` is the attempt whose money it is, already refunded, and what it
/// was before; none where nothing was paid.
pub(super) async fn give_back(
    conn: &mut PgConnection,
    order: Order,
    paid: Option<(&Attempt, attempt::State)>,
    refund: Refund,
    actor: &str,
    now: OffsetDateTime,
) -> Result<Refund, Error> {
    let refund = Refund { updated_at: now, ..refund.succeeded() };
    store::refund::update(conn, &refund).await?;
    if let Some((attempt, _)) = paid {
        store::attempt::update(conn, attempt, None).await?;
    }
    let source = Source::Refund(refund.id);
    if matches!(paid, Some((_, attempt::State::Overpaid))) {
        book(conn, &order, Kind::OverpaidReturned, source, vec![(None, refund.amount)], now).await?;
    } else if order.state == order::State::Paid {
        let shares = revenue::shares(&order).into_iter().map(|(run, share)| (Some(run), share)).collect();
        book(conn, &order, Kind::Refunded, source, shares, now).await?;
        end(conn, order, &refund, actor, now).await?;
    }
    metrics::counter!("refunds_total", "cause" => refund.cause.as_str(), "state" => "succeeded").increment(1);
    let minor = u64::try_from(refund.amount.minor()).unwrap_or_default();
    metrics::counter!("payments_returned_minor_total", "currency" => refund.amount.currency().to_string())
        .increment(minor);
    Ok(refund)
}

async fn end(
    conn: &mut PgConnection,
    order: Order,
    refund: &Refund,
    actor: &str,
    now: OffsetDateTime,
) -> Result<(), Error> {
    let order = order.refunded(now)?;
    store::order::update(conn, &order).await?;
    events::order_refunded(conn, &order, refund, actor, now).await?;
    for granted in store::entitlement::of_order(conn, order.buyer, order.id).await? {
        if let Some(revoked) = granted.revoked(entitlement::REFUNDED, now) {
            store::entitlement::revoke(conn, &revoked).await?;
            events::entitlement_revoked(conn, &revoked, entitlement::REFUNDED, actor, now).await?;
        }
    }
    Ok(())
}
