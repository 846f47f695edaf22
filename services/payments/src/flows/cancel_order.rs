//! Cancel an order that is not paid, for its buyer.

use sqlx::PgConnection;

use super::ask;
use crate::{
    App, Error,
    domain::{Order, OrderId, Refusal, UserId, order},
    store,
};

/// Cancels a buyer's own order. The provider is asked first whether the money has come after all.
pub async fn cancel_order(app: &App, actor: &str, buyer: UserId, id: OrderId) -> Result<Order, Error> {
    let attempts = {
        let conn = &mut *app.db.acquire().await?;
        store::order::of_buyer(conn, buyer, id).await?.ok_or(Refusal::OrderNotFound)?;
        store::attempt::of_order(conn, id).await?
    };
    let open = attempts.iter().filter(|attempt| attempt.state.is_open()).map(|attempt| attempt.id).collect();
    // Without an answer it is cancelled all the same: money that comes later goes back.
    ask::ask_all(app, actor, open).await?;
    let now = app.clock.now();
    pg::transaction(&app.db, async |conn| {
        let order = store::order::lock_of_buyer(conn, buyer, id).await?.ok_or(Refusal::OrderNotFound)?;
        if order.state == order::State::Cancelled {
            return Ok(order);
        }
        let order = order.cancelled(now)?;
        let_go(conn, &order).await?;
        Ok::<_, Error>(order)
    })
    .await
}

/// Saves an order that ended unpaid: nobody owes it any more, and the promo code's use is free again.
pub(super) async fn let_go(conn: &mut PgConnection, order: &Order) -> Result<(), Error> {
    store::order::update(conn, order).await?;
    store::promo::release(conn, order).await?;
    if let Some(intent) = store::intent::of_order(conn, order.id).await? {
        store::intent::update(conn, &intent.release()).await?;
    }
    Ok(())
}
