//! Ends an order that nobody paid in time. Never without asking the provider: an answer may have been lost.

use super::{ask_provider, end_unpaid};
use crate::{
    app::App,
    domain::{
        OrderId,
        attempt::{Attempt, State},
    },
    error::{Error, Result},
    store,
};

/// Expires an order that is due. An order whose payments cannot be asked about now stays, and is looked at later.
pub async fn run(app: &App, actor: &str, id: OrderId) -> Result<bool> {
    let attempts = {
        let conn = &mut *app.db.acquire().await?;
        store::attempt::of_order(conn, id).await?
    };
    let worth_asking = attempts.iter().filter(|attempt| worth_asking(attempt)).map(|attempt| attempt.id).collect();
    if !ask_provider::all(app, actor, worth_asking).await? {
        tracing::warn!(order = %id, "Order {id} is not expired: the provider could not be asked about it.");
        return Ok(false);
    }
    let now = app.clock.now();
    let expired = pg::transaction(&app.db, async |conn| {
        let Some(order) = store::order::lock(conn, id).await? else { return Ok(false) };
        let unresolved = |attempt: &Attempt| matches!(attempt.state, State::Created | State::Unknown);
        if store::attempt::of_order(conn, id).await?.iter().any(unresolved) {
            return Ok(false);
        }
        let Some(order) = order.expired(app.rules.grace, now) else { return Ok(false) };
        end_unpaid::run(conn, &order).await?;
        Ok::<_, Error>(true)
    })
    .await?;
    if expired {
        metrics::counter!("orders_expired_total").increment(1);
        tracing::info!(order = %id, "Order {id} expired.");
    }
    Ok(expired)
}

/// A failed attempt too: a success on the same page may have been notified in vain.
fn worth_asking(attempt: &Attempt) -> bool {
    attempt.state.is_open() || (matches!(attempt.state, State::Failed(_)) && attempt.payment.is_some())
}
