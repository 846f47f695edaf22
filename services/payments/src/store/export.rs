//! Everybody's orders as a neighbour rebuilds its copies from them: what was announced of each, and no more.

use std::collections::HashMap;

use sqlx::{PgConnection, QueryBuilder};
use time::OffsetDateTime;
use values::Money;

use crate::domain::{OrderId, RefundId, UserId};

/// One order with what was paid and given back.
#[derive(Debug, Clone, PartialEq, Eq, values::Record)]
pub struct ExportedOrder {
    #[record(name = "order_id")]
    pub id: OrderId,
    pub number: String,
    #[record(name = "buyer_id")]
    pub buyer: UserId,
    #[record(flatten)]
    pub total: Money,
    #[record(name = "created_at")]
    pub placed_at: OffsetDateTime,
    pub paid_at: Option<OffsetDateTime>,
    /// In the order of time.
    #[record(skip)]
    pub refunds: Vec<ExportedRefund>,
    /// The aggregate version of its latest event.
    pub version: i64,
}

/// Money of an order that was given back.
#[derive(Debug, Clone, PartialEq, Eq, values::Record)]
pub struct ExportedRefund {
    #[record(name = "refund_id")]
    pub id: RefundId,
    #[record(name = "order_id")]
    pub order: OrderId,
    #[record(flatten)]
    pub amount: Money,
    #[record(name = "updated_at")]
    pub refunded_at: OffsetDateTime,
}

/// Everybody's orders that come after `after`.
pub async fn orders(
    conn: &mut PgConnection,
    after: Option<OrderId>,
    limit: i64,
) -> Result<Vec<ExportedOrder>, sqlx::Error> {
    let mut query = QueryBuilder::new(
        "select order_id, number, buyer_id, total_minor as amount_minor, currency, created_at, paid_at, version
         from orders",
    );
    if let Some(after) = after {
        query.push(" where order_id > ").push_bind(after);
    }
    query.push(" order by order_id limit ").push_bind(limit);
    let mut orders: Vec<ExportedOrder> = query.build_query_as().fetch_all(&mut *conn).await?;
    let ids: Vec<OrderId> = orders.iter().map(|order| order.id).collect();
    let mut refunds = refunds(conn, &ids).await?;
    for order in &mut orders {
        order.refunds = refunds.remove(&order.id).unwrap_or_default();
    }
    Ok(orders)
}

/// The refunds that ended their orders. What was paid beyond an order and went back was never anybody's revenue, and is
/// not announced either.
async fn refunds(
    conn: &mut PgConnection,
    orders: &[OrderId],
) -> Result<HashMap<OrderId, Vec<ExportedRefund>>, sqlx::Error> {
    let found: Vec<ExportedRefund> = sqlx::query_as(pg::sql!(
        "select ",
        ExportedRefund as r,
        " from refunds r
         join orders o on o.order_id = r.order_id
         where r.order_id = any($1)
           and o.state = 'refunded'
           and r.state = 'succeeded'
           and r.attempt_id is not distinct from o.paid_by
         order by r.order_id, r.updated_at, r.refund_id"
    ))
    .bind(orders)
    .fetch_all(conn)
    .await?;
    let mut refunds: HashMap<_, Vec<_>> = HashMap::new();
    for refund in found {
        refunds.entry(refund.order).or_default().push(refund);
    }
    Ok(refunds)
}
