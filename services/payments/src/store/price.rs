//! Prices: written once, read by product.

use std::collections::HashMap;

use sqlx::{PgConnection, QueryBuilder};
use time::OffsetDateTime;

use crate::domain::{
    Price, PriceId, Product, ProductId,
    product::{self, Offer},
};

/// Refuses a second price of a product and currency that starts at the same moment.
pub const START_KEY: &str = "prices_start_key";

/// Writes a price.
pub async fn insert(conn: &mut PgConnection, price: &Price) -> Result<(), sqlx::Error> {
    pg::insert(conn, "prices", price).await
}

/// The prices of these products that have started by `now` and have not ended.
pub async fn holding(
    conn: &mut PgConnection,
    products: &[ProductId],
    now: OffsetDateTime,
) -> Result<Vec<Price>, sqlx::Error> {
    sqlx::query_as(pg::sql!(
        "select ",
        Price,
        " from prices
         where product_id = any($1)
           and starts_at <= $2
           and (ends_at is null or ends_at > $2)"
    ))
    .bind(products)
    .bind(now)
    .fetch_all(conn)
    .await
}

/// The products with their prices that hold now.
pub async fn offers(
    conn: &mut PgConnection,
    products: Vec<Product>,
    now: OffsetDateTime,
) -> Result<Vec<Offer>, sqlx::Error> {
    let ids: Vec<ProductId> = products.iter().map(|product| product.id).collect();
    let mut prices: HashMap<ProductId, Vec<Price>> = HashMap::new();
    for price in holding(conn, &ids, now).await? {
        prices.entry(price.product).or_default().push(price);
    }
    let offer = |product: Product| {
        let prices = prices.remove(&product.id).unwrap_or_default();
        Offer { prices: product::all_in_force(&prices, now), product }
    };
    Ok(products.into_iter().map(offer).collect())
}

/// One price.
pub async fn find(conn: &mut PgConnection, id: PriceId) -> Result<Option<Price>, sqlx::Error> {
    sqlx::query_as(pg::sql!("select ", Price, " from prices where price_id = $1")).bind(id).fetch_optional(conn).await
}

/// Where a page of prices begins.
pub type After = (OffsetDateTime, PriceId);

/// Every price of a product that comes after `after`, latest start first.
pub async fn list(
    conn: &mut PgConnection,
    product: ProductId,
    after: Option<After>,
    limit: i64,
) -> Result<Vec<Price>, sqlx::Error> {
    let mut query = QueryBuilder::new(pg::sql!("select ", Price, " from prices where product_id = "));
    query.push_bind(product);
    if let Some((starts_at, id)) = after {
        query.push(" and (starts_at, price_id) < (").push_bind(starts_at).push(", ").push_bind(id).push(")");
    }
    query.push(" order by starts_at desc, price_id desc limit ").push_bind(limit);
    query.build_query_as().fetch_all(conn).await
}
