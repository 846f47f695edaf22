//! Facts for the ledger: inserted, never changed (a trigger sees to it).

use sqlx::PgConnection;

use crate::domain::revenue::{Fact, Source};

/// Writes a fact. The same source, kind and run a second time is an error, because its money would be counted twice.
pub async fn insert(conn: &mut PgConnection, fact: &Fact) -> Result<(), sqlx::Error> {
    let (attempt, refund) = match fact.source {
        Source::Attempt(attempt) => (Some(attempt), None),
        Source::Refund(refund) => (None, Some(refund)),
    };
    sqlx::query(
        "insert into revenue_facts (
             fact_id, kind, attempt_id, refund_id, order_id, run_id, amount_minor, currency, occurred_at
         )
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(fact.id)
    .bind(fact.kind.as_str())
    .bind(attempt)
    .bind(refund)
    .bind(fact.order)
    .bind(fact.run)
    .bind(fact.amount.minor())
    .bind(fact.amount.currency().as_str())
    .bind(fact.occurred_at)
    .execute(conn)
    .await?;
    Ok(())
}
