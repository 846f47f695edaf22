//! Refunds. Written under the order's lock only.

use sqlx::{FromRow, PgConnection};
use time::OffsetDateTime;

use super::{Claiming, broken, money};
use crate::domain::{
    AttemptId, OrderId, Refund, RefundId, UserId,
    refund::{Cause, State},
};

/// Refuses a second refund of a payment.
pub const ATTEMPT_KEY: &str = "refunds_attempt_key";
/// Refuses a second refund of an order that was paid with nothing.
pub const FREE_KEY: &str = "refunds_free_key";

#[derive(FromRow)]
struct Row {
    refund_id: RefundId,
    order_id: OrderId,
    attempt_id: Option<AttemptId>,
    amount_minor: i64,
    currency: String,
    cause: String,
    reason: String,
    state: String,
    failure: Option<String>,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
}

fn read(row: Row) -> Result<Refund, sqlx::Error> {
    Ok(Refund {
        id: row.refund_id,
        order: row.order_id,
        attempt: row.attempt_id,
        amount: money(row.amount_minor, &row.currency)?,
        cause: Cause::parse(&row.cause).ok_or_else(|| broken("refund cause"))?,
        reason: row.reason,
        state: State::parse(&row.state, row.failure.as_deref()).ok_or_else(|| broken("refund state"))?,
        created_at: row.created_at,
        updated_at: row.updated_at,
    })
}

/// Writes a new refund; it is sent (again) at `ask_at` if nobody knows better by then.
pub async fn insert(conn: &mut PgConnection, refund: &Refund, ask_at: OffsetDateTime) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into refunds (
             refund_id, order_id, attempt_id, amount_minor, currency, cause, reason, state, failure,
             created_at, updated_at, ask_at
         )
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
    )
    .bind(refund.id)
    .bind(refund.order)
    .bind(refund.attempt)
    .bind(refund.amount.minor())
    .bind(refund.amount.currency().as_str())
    .bind(refund.cause.as_str())
    .bind(&refund.reason)
    .bind(refund.state.as_str())
    .bind(refund.state.failure().map(|failure| failure.as_str()))
    .bind(refund.created_at)
    .bind(refund.updated_at)
    .bind((!refund.state.is_over()).then_some(ask_at))
    .execute(conn)
    .await?;
    Ok(())
}

/// Writes what changed in a refund. One that is over is not asked about any more.
pub async fn update(conn: &mut PgConnection, refund: &Refund) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update refunds
         set state = $2,
             failure = $3,
             updated_at = $4,
             ask_at = case when $5 then null else ask_at end
         where refund_id = $1",
    )
    .bind(refund.id)
    .bind(refund.state.as_str())
    .bind(refund.state.failure().map(|failure| failure.as_str()))
    .bind(refund.updated_at)
    .bind(refund.state.is_over())
    .execute(conn)
    .await?;
    Ok(())
}

/// Anybody's refund.
pub async fn any(conn: &mut PgConnection, id: RefundId) -> Result<Option<Refund>, sqlx::Error> {
    let row: Option<Row> = sqlx::query_as(
        "select refund_id, order_id, attempt_id, amount_minor, currency, cause, reason, state, failure,
                created_at, updated_at
         from refunds
         where refund_id = $1",
    )
    .bind(id)
    .fetch_optional(conn)
    .await?;
    row.map(read).transpose()
}

/// The refunds of an order, newest first.
pub async fn of_order(conn: &mut PgConnection, order: OrderId) -> Result<Vec<Refund>, sqlx::Error> {
    let rows: Vec<Row> = sqlx::query_as(
        "select refund_id, order_id, attempt_id, amount_minor, currency, cause, reason, state, failure,
                created_at, updated_at
         from refunds
         where order_id = $1
         order by refund_id desc",
    )
    .bind(order)
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(read).collect()
}

/// The refund of an attempt that is on its way or has arrived.
pub async fn of_attempt(conn: &mut PgConnection, attempt: AttemptId) -> Result<Option<Refund>, sqlx::Error> {
    let row: Option<Row> = sqlx::query_as(
        "select refund_id, order_id, attempt_id, amount_minor, currency, cause, reason, state, failure,
                created_at, updated_at
         from refunds
         where attempt_id = $1
           and state <> 'failed'",
    )
    .bind(attempt)
    .fetch_optional(conn)
    .await?;
    row.map(read).transpose()
}

/// Claims refunds that should be sent or asked about, and says how often each was before.
pub async fn claim_due(conn: &mut PgConnection, claiming: Claiming) -> Result<Vec<(RefundId, i32)>, sqlx::Error> {
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
    .bind(claiming.now)
    .bind(claiming.until)
    .bind(claiming.most)
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
