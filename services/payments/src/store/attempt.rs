//! Tries to pay. Written under the order's lock only, so that no two reports about one order are applied at once.

use pg::Lease;
use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::domain::{Attempt, AttemptId, OrderId, UserId};

/// Writes a new attempt; the provider is asked about it at `ask_at` if nobody knows better by then.
pub async fn insert(conn: &mut PgConnection, attempt: &Attempt, ask_at: OffsetDateTime) -> Result<(), sqlx::Error> {
    pg::row(attempt).and("ask_at", ask_at).insert(conn, "attempts").await
}

/// Writes what changed in an attempt. Nobody is asked about one that is over; for an open one `ask_at` stays, unless
/// given.
pub async fn update(
    conn: &mut PgConnection,
    attempt: &Attempt,
    ask_at: Option<OffsetDateTime>,
) -> Result<(), sqlx::Error> {
    let row = pg::row(&attempt.state)
        .key("attempt_id", attempt.id)
        .and("payment", &attempt.payment)
        .and("page", &attempt.page)
        .and("updated_at", attempt.updated_at);
    let open = attempt.state.is_open();
    let row = if open && ask_at.is_none() { row } else { row.and("ask_at", ask_at.filter(|_| open)) };
    row.update(conn, "attempts").await
}

/// Anybody's attempt.
pub async fn any(conn: &mut PgConnection, id: AttemptId) -> Result<Option<Attempt>, sqlx::Error> {
    sqlx::query_as(pg::sql!("select ", Attempt, " from attempts where attempt_id = $1"))
        .bind(id)
        .fetch_optional(conn)
        .await
}

/// The attempts of an order, newest first.
pub async fn of_order(conn: &mut PgConnection, order: OrderId) -> Result<Vec<Attempt>, sqlx::Error> {
    sqlx::query_as(pg::sql!("select ", Attempt, " from attempts where order_id = $1 order by attempt_id desc"))
        .bind(order)
        .fetch_all(conn)
        .await
}

/// Claims attempts that the provider should be asked about, and says how often it was asked about each before.
pub async fn claim_due(conn: &mut PgConnection, lease: Lease) -> Result<Vec<(AttemptId, i32)>, sqlx::Error> {
    sqlx::query_as(
        "update attempts
         set ask_at = $2, asked = asked + 1
         where attempt_id in (
             select attempt_id
             from attempts
             where ask_at <= $1
             order by ask_at
             limit $3
             for update skip locked
         )
         returning attempt_id, asked",
    )
    .bind(lease.now)
    .bind(lease.until)
    .bind(lease.limit)
    .fetch_all(conn)
    .await
}

/// Says when the provider is asked next about an attempt, or that it is not.
pub async fn ask_at(conn: &mut PgConnection, id: AttemptId, at: Option<OffsetDateTime>) -> Result<(), sqlx::Error> {
    sqlx::query("update attempts set ask_at = $2 where attempt_id = $1").bind(id).bind(at).execute(conn).await?;
    Ok(())
}

/// Forgets the addresses that a buyer's attempts carry; the rest are numbers that the books need.
pub async fn forget_addresses(conn: &mut PgConnection, buyer: UserId) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update attempts
         set page = null, success_url = '', fail_url = ''
         from orders
         where orders.order_id = attempts.order_id
           and orders.buyer_id = $1",
    )
    .bind(buyer)
    .execute(conn)
    .await?;
    Ok(())
}
