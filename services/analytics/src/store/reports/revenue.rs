//! Revenue by day, from its rollup.

use sqlx::PgConnection;
use time::Date;
use values::{Currency, Record, record::Row};

use crate::domain::{calendar::Span, revenue::Revenue};

pub const DEFINITION: &str = "Gross is the money of orders on the day on which they were paid in full; refunds are counted on the day on \
    which the money was given back, whenever the order was paid. Net is gross less refunds, the average order is gross by paid orders.";

/// The days of a span on which anything happened, in order.
pub async fn days(
    conn: &mut PgConnection,
    currency: Currency,
    span: Span,
) -> Result<Vec<(Date, Revenue)>, sqlx::Error> {
    sqlx::query(
        "select day, gross_minor::bigint as gross, orders, refunds_minor::bigint as refunded, refunds
         from daily_revenue
         where currency = $1
           and day between $2 and $3
         order by day",
    )
    .bind(currency.as_str())
    .bind(span.from)
    .bind(span.to)
    .try_map(|row| {
        let row = Row::of(&row);
        Ok((row.get("day")?, Revenue::read(&row)?))
    })
    .fetch_all(conn)
    .await
}
