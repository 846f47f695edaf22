//! Refunds. Written under the order's lock only.

use pg::Lease;
use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::domain::{AttemptId, OrderId, Refund, RefundId, UserId};

/// Refuses a second refund of a payment.
pub const ATTEMPT_KEY: &str = "refunds_attempt_key";
/// Refuses a second refund of an order that was paid with nothing.
pub const FREE_KEY: &str = "refunds_free_key";

/// Writes a new refund; one that is not over is sent (once more) at `ask_at` if nobody knows better by then.
pub async fn insert(conn: &mut PgConnection, refund: &Refund, ask_at: OffsetDateTime) -> Result<(), sqlx::Error> {
    let ask_at = (!refund.state.is_over()).then_some(ask_at);
    pg::row(refund).and("ask_at", ask_at).insert(conn, "refunds").await
}

/// Writes what changed in a refund. One that is over is not asked about any more.
pub async fn update(conn: &mut PgConnection, refund: &Refund) -> Result<(), sqlx::Error> {
    let row = pg::row(&refund.state).key("refund_id", refund.id).and("updated_at", refund.updated_at);
    let row = if refund.state.is_over() { row.and("ask_at", None::<OffsetDateTime>) } else { row };
    row.update(conn, "refunds").await
}

/// Anybody's refund.
pub async fn any(conn: &mut PgConnection, id: RefundId) -> Result<Option<Refund>, sqlx::Error> {
    sqlx::query_as(pg::sql!("select ", Refund, " from refunds where refund_id = $1"))
        .bind(id)
        .fetch_optional(conn)
        .await
}

/// The refunds of an order, newest first.
pub async fn of_order(conn: &mut PgConnection, order: OrderId) -> Result<Vec<Refund>, sqlx::Error> {
    sqlx::query_as(pg::sql!("select ", Refund, " from refunds where order_id = $1 order by refund_id desc"))
        .bind(order)
        .fetch_all(conn)
        .await
}

/// The refund of an attempt that is on its way or has arrived.
pub async fn of_attempt(conn: &mut PgConnection, attempt: AttemptId) -> Result<Option<Refund>, sqlx::Error> {
    sqlx::query_as(pg::sql!("select ", Refund, " from refunds where attempt_id = $1 and state <> 'failed'"))
        .bind(attempt)
        .fetch_optional(conn)
        .await
}

/// Claims refunds that should be sent or asked about, and says how often each was before.
pub async fn claim_due(conn: &mut PgConnection, lease: Lease) -> Result<Vec<(RefundId, i32)>, sqlx::Error> {
    sqlx::query_as(
        "update refunds
         set ask_at = $2, asked = asked + 1
         where refund_id in (
             select refund_id
             from refunds
             where ask_at <= $1
             order by ask_at
             limit $3
             for update skip locked
         )
         returning refund_id, asked",
    )
    .bind(lease.now)
    .bind(lease.until)
    .bind(lease.limit)
    .fetch_all(conn)
    .await
}

/// Says when a refund that is not over is sent or asked about next.
pub async fn ask_at(conn: &mut PgConnection, id: RefundId, at: OffsetDateTime) -> Result<(), sqlx::Error> {
    sqlx::query("update refunds set ask_at = $2 where refund_id = $1 and ask_at is not null")
        .bind(id)
        .bind(at)
        .execute(conn)
        .await?;
    Ok(())
}

/// Forgets what people wrote about a buyer's refunds.
pub async fn forget_reasons(conn: &mut PgConnection, buyer: UserId) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update refunds
         set reason = ''
         from orders
         where orders.order_id = refunds.order_id
           and orders.buyer_id = $1",
    )
    .bind(buyer)
    .execute(conn)
    .await?;
    Ok(())
}
