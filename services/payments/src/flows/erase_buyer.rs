//! Forgets a person. Orders stay for the books under the pseudonymous id; what could tell who it was is removed.

use sqlx::PgConnection;
use time::OffsetDateTime;

use super::end_unpaid;
use crate::{domain::UserId, error::Result, store};

/// Cancels what waits to be paid and empties what could name the buyer, in the caller's transaction.
pub async fn run(conn: &mut PgConnection, buyer: UserId, now: OffsetDateTime) -> Result<()> {
    for id in store::order::placed_by(conn, buyer).await? {
        let Some(order) = store::order::lock(conn, id).await? else { continue };
        // One that was paid meanwhile is not placed any more, and stays.
        if let Ok(cancelled) = order.cancelled(now) {
            end_unpaid::run(conn, &cancelled).await?;
        }
    }
    store::attempt::forget_addresses(conn, buyer).await?;
    store::refund::forget_reasons(conn, buyer).await?;
    store::webhook::forget_of(conn, buyer).await?;
    Ok(())
}
