//! Cancels an order that is not paid, for its buyer.

use super::{ask_provider, end_unpaid};
use crate::{
    app::App,
    domain::{Order, OrderId, Refusal, UserId, order},
    error::{Error, Result},
    store,
};

/// Cancels a buyer's own order. The provider is asked first whether the money has come after all.
pub async fn run(app: &App, actor: &str, buyer: UserId, id: OrderId) -> Result<Order> {
    let attempts = {
        let conn = &mut *app.db.acquire().await?;
        store::order::of_buyer(conn, buyer, id).await?.ok_or(Refusal::OrderNotFound)?;
        store::attempt::of_order(conn, id).await?
    };
    let open = attempts.iter().filter(|attempt| attempt.state.is_open()).map(|attempt| attempt.id).collect();
    // Without an answer it is cancelled all the same: money that comes later goes back.
    ask_provider::all(app, actor, open).await?;
    let now = app.clock.now();
    pg::transaction(&app.db, async |conn| {
        let order = store::order::lock_of_buyer(conn, buyer, id).await?.ok_or(Refusal::OrderNotFound)?;
        if order.state == order::State::Cancelled {
            return Ok(order);
        }
        let order = order.cancelled(now)?;
        end_unpaid::run(conn, &order).await?;
        Ok::<_, Error>(order)
    })
    .await
}
