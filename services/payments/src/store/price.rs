//! Prices: written once, read by product.

use sqlx::{FromRow, PgConnection};
use time::OffsetDateTime;

use super::money;
use crate::domain::{Price, PriceId, ProductId};

/// Refuses a second price of a product and currency that starts at the same moment.
pub const START_KEY: &str = "prices_start_key";

#[derive(FromRow)]
struct Row {
    price_id: PriceId,
    product_id: ProductId,
    currency: String,
    amount_minor: i64,
    starts_at: OffsetDateTime,
    ends_at: Option<OffsetDateTime>,
    created_at: OffsetDateTime,
}

fn price(row: Row) -> Result<Price, sqlx::Error> {
    Ok(Price {
        id: row.price_id,
        product: row.product_id,
        amount: money(row.amount_minor, &row.currency)?,
        starts_at: row.starts_at,
        ends_at: row.ends_at,
        created_at: row.created_at,
    })
}

/// Writes a price.
pub async fn insert(conn: &mut PgConnection, price: &Price) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into prices (price_id, product_id, currency, amount_minor, starts_at, ends_at, created_at)
         values ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(price.id)
    .bind(price.product)
    .bind(price.amount.currency().as_str())
    .bind(price.amount.minor())
    .bind(price.starts_at)
    .bind(price.ends_at)
    .bind(price.created_at)
    .execute(conn)
    .await?;
    Ok(())
}

/// The prices of these products that have started by `now` and have not ended.
pub async fn holding(
    conn: &mut PgConnection,
    products: &[ProductId],
    now: OffsetDateTime,
) -> Result<Vec<Price>, sqlx::Error> {
    let rows: Vec<Row> = sqlx::query_as(
        "select price_id, product_id, currency, amount_minor, starts_at, ends_at, created_at
         from prices
         where product_id = any($1)
           and starts_at <= $2
           and (ends_at is null or ends_at > $2)",
    )
    .bind(products)
    .bind(now)
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(price).collect()
}

/// One price.
pub async fn find(conn: &mut PgConnection, id: PriceId) -> Result<Option<Price>, sqlx::Error> {
    let row: Option<Row> = sqlx::query_as(
        "select price_id, product_id, currency, amount_minor, starts_at, ends_at, created_at
         from prices
         where price_id = $1",
    )
    .bind(id)
    .fetch_optional(conn)
    .await?;
    row.map(price).transpose()
}

/// Where a page of prices begins.
pub type After = (OffsetDateTime, PriceId);

/// Every price of a product that comes after `after`, latest start first.
pub async fn list(
    conn: &mut PgConnection,
    product: ProductId,
    after: Option<After>,
    most: i64,
) -> Result<Vec<Price>, sqlx::Error> {
    let (starts_at, id) = after.unzip();
    let rows: Vec<Row> = sqlx::query_as(
        "select price_id, product_id, currency, amount_minor, starts_at, ends_at, created_at
         from prices
         where product_id = $1
           and ($2::timestamptz is null or (starts_at, price_id) < ($2, $3))
         order by starts_at desc, price_id desc
         limit $4",
    )
    .bind(product)
    .bind(starts_at)
    .bind(id)
    .bind(most)
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(price).collect()
}
