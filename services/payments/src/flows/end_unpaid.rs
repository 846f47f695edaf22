//! Saves an order that ended unpaid: nobody owes it any more, and the promo code's use is free.

use sqlx::PgConnection;

use crate::{domain::Order, error::Result, store};

/// Saves it in the caller's transaction.
pub(super) async fn run(conn: &mut PgConnection, order: &Order) -> Result<()> {
    store::order::update(conn, order).await?;
    store::promo::release(conn, order).await?;
    if let Some(intent) = store::intent::of_order(conn, order.id).await? {
        store::intent::update(conn, &intent.release()).await?;
    }
    Ok(())
}
