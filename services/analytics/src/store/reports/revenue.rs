//! Revenue by day, from its rollup.

use sqlx::{FromRow, PgConnection};
use time::Date;
use values::Currency;

use crate::domain::{calendar::Span, revenue::Revenue};

pub const DEFINITION: &str = "Gross is the money of orders on the day on which they were paid in full; refunds are counted on the day on \
    which the money was given back, whenever the order was paid. Net is gross less refunds, the average order is gross by paid orders.";

#[derive(FromRow)]
struct Row {
    day: Date,
    gross: i64,
    orders: i64,
    refunded: i64,
    refunds: i64,
}

/// The days of a span on which anything happened, in order.
pub async fn days(
    conn: &mut PgConnection,
    currency: Currency,
    span: Span,
) -> Result<Vec<(Date, Revenue)>, sqlx::Error> {
    let rows: Vec<Row> = sqlx::query_as(
        "select day, gross_minor::bigint as gross, orders, refunds_minor::bigint as refunded, refunds
         from daily_revenue
         where currency = $1
           and day between $2 and $3
         order by day",
    )
    .bind(currency.as_str())
    .bind(span.from)
    .bind(span.to)
    .fetch_all(conn)
    .await?;
    let revenue =
        |row: &Row| Revenue { gross: row.gross, orders: row.orders, refunded: row.refunded, refunds: row.refunds };
    Ok(rows.iter().map(|row| (row.day, revenue(row))).collect())
}
