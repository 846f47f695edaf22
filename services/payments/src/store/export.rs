//! Everybody's orders as a neighbour rebuilds its copies from them: what was announced of each, and no more.

use std::collections::HashMap;

use sqlx::{FromRow, PgConnection};
use time::OffsetDateTime;
use values::Money;

use super::money;
use crate::domain::{OrderId, RefundId, UserId};

/// One order with what was paid and given back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportedOrder {
    pub id: OrderId,
    pub number: String,
    pub buyer: UserId,
    pub total: Money,
    pub placed_at: OffsetDateTime,
    pub paid_at: Option<OffsetDateTime>,
    /// In the order of time.
    pub refunds: Vec<ExportedRefund>,
    /// The aggregate version of its latest event.
    pub version: i64,
}

/// Money of an order that was given back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportedRefund {
    pub id: RefundId,
    pub amount: Money,
    pub refunded_at: OffsetDateTime,
}

#[derive(FromRow)]
struct Row {
    order_id: OrderId,
    number: String,
    buyer_id: UserId,
    currency: String,
    total_minor: i64,
    created_at: OffsetDateTime,
    paid_at: Option<OffsetDateTime>,
    version: i64,
}

#[derive(FromRow)]
struct RefundRow {
    order_id: OrderId,
    refund_id: RefundId,
    amount_minor: i64,
    currency: String,
    updated_at: OffsetDateTime,
}

/// Everybody's orders that come after `after`.
pub async fn orders(
    conn: &mut PgConnection,
    after: Option<OrderId>,
    most: i64,
) -> Result<Vec<ExportedOrder>, sqlx::Error> {
    let rows: Vec<Row> = sqlx::query_as(
        "select order_id, number, buyer_id, currency, total_minor, created_at, paid_at, version
         from orders
         where $1::uuid is null or order_id > $1
         order by order_id
         limit $2",
    )
    .bind(after)
    .bind(most)
    .fetch_all(&mut *conn)
    .await?;
    let ids: Vec<OrderId> = rows.iter().map(|row| row.order_id).collect();
    let mut refunds = refunds(conn, &ids).await?;
    let exported = |row: Row| {
        Ok(ExportedOrder {
            refunds: refunds.remove(&row.order_id).unwrap_or_default(),
            id: row.order_id,
            number: row.number,
            buyer: row.buyer_id,
            total: money(row.total_minor, &row.currency)?,
            placed_at: row.created_at,
            paid_at: row.paid_at,
            version: row.version,
        })
    };
    rows.into_iter().map(exported).collect()
}

/// The refunds that ended their orders. What was paid beyond an order and went back again was never anybody's revenue, and is
/// not announced either.
async fn refunds(
    conn: &mut PgConnection,
    orders: &[OrderId],
) -> Result<HashMap<OrderId, Vec<ExportedRefund>>, sqlx::Error> {
    let rows: Vec<RefundRow> = sqlx::query_as(
        "select r.order_id, r.refund_id, r.amount_minor, r.currency, r.updated_at
         from refunds r
         join orders o on o.order_id = r.order_id
         where r.order_id = any($1)
           and o.state = 'refunded'
           and r.state = 'succeeded'
           and r.attempt_id is not distinct from o.paid_by
         order by r.order_id, r.updated_at, r.refund_id",
    )
    .bind(orders)
    .fetch_all(conn)
    .await?;
    let mut refunds: HashMap<_, Vec<_>> = HashMap::new();
    for row in rows {
        let amount = money(row.amount_minor, &row.currency)?;
        let refund = ExportedRefund { id: row.refund_id, amount, refunded_at: row.updated_at };
        refunds.entry(row.order_id).or_default().push(refund);
    }
    Ok(refunds)
}
