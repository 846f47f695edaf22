//! What is owed for orders. Read and written under the order's lock only.

use sqlx::{FromRow, PgConnection};

use super::{broken, money};
use crate::domain::{AttemptId, Intent, IntentId, OrderId, intent::State};

#[derive(FromRow)]
struct Row {
    intent_id: IntentId,
    order_id: OrderId,
    amount_minor: i64,
    currency: String,
    state: String,
    settled_by: Option<AttemptId>,
}

fn stored(state: State) -> (&'static str, Option<AttemptId>) {
    match state {
        State::Owed => ("owed", None),
        State::Settled(by) => ("settled", Some(by)),
        State::Released => ("released", None),
    }
}

/// Writes what a new order owes.
pub async fn insert(conn: &mut PgConnection, intent: &Intent) -> Result<(), sqlx::Error> {
    let (state, settled_by) = stored(intent.state);
    sqlx::query(
        "insert into payment_intents (intent_id, order_id, amount_minor, currency, state, settled_by)
         values ($1, $2, $3, $4, $5, $6)",
    )
    .bind(intent.id)
    .bind(intent.order)
    .bind(intent.amount.minor())
    .bind(intent.amount.currency().as_str())
    .bind(state)
    .bind(settled_by)
    .execute(conn)
    .await?;
    Ok(())
}

/// Writes whether it is owed still.
pub async fn update(conn: &mut PgConnection, intent: &Intent) -> Result<(), sqlx::Error> {
    let (state, settled_by) = stored(intent.state);
    sqlx::query("update payment_intents set state = $2, settled_by = $3 where intent_id = $1")
        .bind(intent.id)
        .bind(state)
        .bind(settled_by)
        .execute(conn)
        .await?;
    Ok(())
}

/// What an order owes; none for an order of nothing to pay.
pub async fn of_order(conn: &mut PgConnection, order: OrderId) -> Result<Option<Intent>, sqlx::Error> {
    let row: Option<Row> = sqlx::query_as(
        "select intent_id, order_id, amount_minor, currency, state, settled_by
         from payment_intents
         where order_id = $1",
    )
    .bind(order)
    .fetch_optional(conn)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let state = match (row.state.as_str(), row.settled_by) {
        ("owed", None) => State::Owed,
        ("settled", Some(by)) => State::Settled(by),
        ("released", None) => State::Released,
        _ => return Err(broken("payment intent")),
    };
    let amount = money(row.amount_minor, &row.currency)?;
    Ok(Some(Intent { id: row.intent_id, order: row.order_id, amount, state }))
}
