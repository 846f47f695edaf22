//! Tries to pay. Written under the order's lock only, so that no two words about one order are taken at once.

use sqlx::{FromRow, PgConnection};
use time::OffsetDateTime;

use super::{Claiming, broken, money};
use crate::domain::{
    Attempt, AttemptId, IntentId, OrderId, UserId,
    attempt::{Back, Method, Provider, State},
};

#[derive(FromRow)]
struct Row {
    attempt_id: AttemptId,
    intent_id: IntentId,
    order_id: OrderId,
    provider: String,
    method: String,
    amount_minor: i64,
    currency: String,
    payment: Option<String>,
    page: Option<String>,
    success_url: String,
    fail_url: String,
    state: String,
    detail: Option<String>,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
}

fn read(row: Row) -> Result<Attempt, sqlx::Error> {
    Ok(Attempt {
        id: row.attempt_id,
        intent: row.intent_id,
        order: row.order_id,
        provider: Provider::parse(&row.provider).ok_or_else(|| broken("provider"))?,
        method: Method::parse(&row.method).ok_or_else(|| broken("method"))?,
        amount: money(row.amount_minor, &row.currency)?,
        payment: row.payment,
        page: row.page,
        back: Back { success: row.success_url, fail: row.fail_url },
        state: State::parse(&row.state, row.detail.as_deref()).ok_or_else(|| broken("attempt state"))?,
        created_at: row.created_at,
        updated_at: row.updated_at,
    })
}

/// Writes a new attempt; the provider is asked about it at `ask_at` if nobody knows better by then.
pub async fn insert(conn: &mut PgConnection, attempt: &Attempt, ask_at: OffsetDateTime) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into attempts (
             attempt_id, intent_id, order_id, provider, method, amount_minor, currency, payment, page,
             success_url, fail_url, state, detail, created_at, updated_at, ask_at
         )
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
    )
    .bind(attempt.id)
    .bind(attempt.intent)
    .bind(attempt.order)
    .bind(attempt.provider.as_str())
    .bind(attempt.method.as_str())
    .bind(attempt.amount.minor())
    .bind(attempt.amount.currency().as_str())
    .bind(&attempt.payment)
    .bind(&attempt.page)
    .bind(&attempt.back.success)
    .bind(&attempt.back.fail)
    .bind(attempt.state.as_str())
    .bind(attempt.state.detail())
    .bind(attempt.created_at)
    .bind(attempt.updated_at)
    .bind(ask_at)
    .execute(conn)
    .await?;
    Ok(())
}

/// Writes what changed in an attempt. Nobody is asked about one that is over; for an open one `ask_at` stays, unless given.
pub async fn update(
    conn: &mut PgConnection,
    attempt: &Attempt,
    ask_at: Option<OffsetDateTime>,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update attempts
         set payment = $2,
             page = $3,
             state = $4,
             detail = $5,
             updated_at = $6,
             ask_at = case when $7 then coalesce($8, ask_at) end
         where attempt_id = $1",
    )
    .bind(attempt.id)
    .bind(&attempt.payment)
    .bind(&attempt.page)
    .bind(attempt.state.as_str())
    .bind(attempt.state.detail())
    .bind(attempt.updated_at)
    .bind(attempt.state.is_open())
    .bind(ask_at)
    .execute(conn)
    .await?;
    Ok(())
}

/// Anybody's attempt.
pub async fn any(conn: &mut PgConnection, id: AttemptId) -> Result<Option<Attempt>, sqlx::Error> {
    let row: Option<Row> = sqlx::query_as(
        "select attempt_id, intent_id, order_id, provider, method, amount_minor, currency, payment, page,
                success_url, fail_url, state, detail, created_at, updated_at
         from attempts
         where attempt_id = $1",
    )
    .bind(id)
    .fetch_optional(conn)
    .await?;
    row.map(read).transpose()
}

/// The attempts of an order, newest first.
pub async fn of_order(conn: &mut PgConnection, order: OrderId) -> Result<Vec<Attempt>, sqlx::Error> {
    let rows: Vec<Row> = sqlx::query_as(
        "select attempt_id, intent_id, order_id, provider, method, amount_minor, currency, payment, page,
                success_url, fail_url, state, detail, created_at, updated_at
         from attempts
         where order_id = $1
         order by attempt_id desc",
    )
    .bind(order)
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(read).collect()
}

/// Claims attempts that the provider should be asked about, and says how often it was asked about each before.
pub async fn claim_due(conn: &mut PgConnection, claiming: Claiming) -> Result<Vec<(AttemptId, i32)>, sqlx::Error> {
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
    .bind(claiming.now)
    .bind(claiming.until)
    .bind(claiming.most)
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
