//! Forget a person. Orders stay for the books under the pseudonymous id; what could tell who it was goes.

use sqlx::PgConnection;
use time::OffsetDateTime;

use super::cancel_order::let_go;
use crate::{Error, domain::UserId, store};

/// Cancels what waits to be paid and empties what could name the buyer, in the caller's transaction.
pub async fn erase_buyer(conn: &mut PgConnection, buyer: UserId, now: OffsetDateTime) -> Result<(), Error> {
    for id in store::order::placed_by(conn, buyer).await? {
        let Some(order) = store::order::lock(conn, id).await? else { continue };
        // One that was paid meanwhile is not placed any more, and stays.
        if let Ok(cancelled) = order.cancelled(now) {
            let_go(conn, &cancelled).await?;
        }
    }
    store::attempt::forget_addresses(conn, buyer).await?;
    store::refund::forget_reasons(conn, buyer).await?;
    store::webhook::forget_of(conn, buyer).await?;
    Ok(())
}
