//! What is owed for orders. Read and written under the order's lock only.

use sqlx::PgConnection;

use crate::domain::{Intent, OrderId};

/// Writes what a new order owes.
pub async fn insert(conn: &mut PgConnection, intent: &Intent) -> Result<(), sqlx::Error> {
    pg::insert(conn, "payment_intents", intent).await
}

/// Writes whether it is owed still.
pub async fn update(conn: &mut PgConnection, intent: &Intent) -> Result<(), sqlx::Error> {
    pg::update(conn, "payment_intents", intent).await
}

/// What an order owes; none for an order of nothing to pay.
pub async fn of_order(conn: &mut PgConnection, order: OrderId) -> Result<Option<Intent>, sqlx::Error> {
    sqlx::query_as(pg::sql!("select ", Intent, " from payment_intents where order_id = $1"))
        .bind(order)
        .fetch_optional(conn)
        .await
}
