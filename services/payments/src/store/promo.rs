//! Promo codes, their scope, and which orders hold a use of one.

use std::collections::HashMap;

use sqlx::{FromRow, PgConnection};
use time::OffsetDateTime;
use values::Money;

use super::{broken, money};
use crate::domain::{
    Order, ProductId, PromoCode, PromoCodeId, UserId,
    promo::{BasisPoints, Code, Discount, Limit, State},
};

/// Refuses a code that exists already, in whatever case.
pub const FOLDED_KEY: &str = "promo_codes_folded_key";

#[derive(FromRow)]
struct Row {
    promo_code_id: PromoCodeId,
    code: String,
    percent_basis_points: Option<i32>,
    amount_minor: Option<i64>,
    currency: Option<String>,
    starts_at: OffsetDateTime,
    ends_at: Option<OffsetDateTime>,
    max_uses: i32,
    max_uses_per_buyer: i32,
    state: String,
    uses: i32,
    version: i64,
    created_at: OffsetDateTime,
}

/// Writes a new promo code.
pub async fn insert(conn: &mut PgConnection, promo: &PromoCode) -> Result<(), sqlx::Error> {
    let (points, amount) = match promo.discount {
        Discount::Percent(points) => (Some(points.get()), None),
        Discount::Amount(amount) => (None, Some(amount)),
    };
    sqlx::query(
        "insert into promo_codes (
             promo_code_id, code, folded, percent_basis_points, amount_minor, currency, starts_at, ends_at,
             max_uses, max_uses_per_buyer, state, uses, version, created_at
         )
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
    )
    .bind(promo.id)
    .bind(promo.code.as_str())
    .bind(promo.code.folded())
    .bind(points.and_then(|points| i32::try_from(points).ok()))
    .bind(amount.map(Money::minor))
    .bind(amount.map(|amount| amount.currency().as_str().to_owned()))
    .bind(promo.starts_at)
    .bind(promo.ends_at)
    .bind(promo.max_uses.get())
    .bind(promo.max_uses_per_buyer.get())
    .bind(promo.state.as_str())
    .bind(promo.uses)
    .bind(promo.version)
    .bind(promo.created_at)
    .execute(&mut *conn)
    .await?;
    insert_products(conn, promo).await
}

/// Writes a changed promo code over the old one. Its uses are counted by [`hold`] and [`release`] alone.
pub async fn update(conn: &mut PgConnection, promo: &PromoCode) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update promo_codes
         set starts_at = $2, ends_at = $3, max_uses = $4, max_uses_per_buyer = $5, state = $6, version = $7
         where promo_code_id = $1",
    )
    .bind(promo.id)
    .bind(promo.starts_at)
    .bind(promo.ends_at)
    .bind(promo.max_uses.get())
    .bind(promo.max_uses_per_buyer.get())
    .bind(promo.state.as_str())
    .bind(promo.version)
    .execute(&mut *conn)
    .await?;
    sqlx::query("delete from promo_code_products where promo_code_id = $1").bind(promo.id).execute(&mut *conn).await?;
    insert_products(conn, promo).await
}

async fn insert_products(conn: &mut PgConnection, promo: &PromoCode) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into promo_code_products (promo_code_id, product_id)
         select $1, product_id
         from unnest($2) as scoped (product_id)",
    )
    .bind(promo.id)
    .bind(&promo.products)
    .execute(conn)
    .await?;
    Ok(())
}

/// One promo code.
pub async fn find(conn: &mut PgConnection, id: PromoCodeId) -> Result<Option<PromoCode>, sqlx::Error> {
    let row: Option<Row> = sqlx::query_as(
        "select promo_code_id, code, percent_basis_points, amount_minor, currency, starts_at, ends_at,
                max_uses, max_uses_per_buyer, state, uses, version, created_at
         from promo_codes
         where promo_code_id = $1",
    )
    .bind(id)
    .fetch_optional(&mut *conn)
    .await?;
    first(conn, row).await
}

/// One promo code, locked until the transaction ends.
pub async fn lock(conn: &mut PgConnection, id: PromoCodeId) -> Result<Option<PromoCode>, sqlx::Error> {
    let row: Option<Row> = sqlx::query_as(
        "select promo_code_id, code, percent_basis_points, amount_minor, currency, starts_at, ends_at,
                max_uses, max_uses_per_buyer, state, uses, version, created_at
         from promo_codes
         where promo_code_id = $1
         for update",
    )
    .bind(id)
    .fetch_optional(&mut *conn)
    .await?;
    first(conn, row).await
}

/// The promo code that people type so.
pub async fn by_code(conn: &mut PgConnection, code: &Code) -> Result<Option<PromoCode>, sqlx::Error> {
    let row: Option<Row> = sqlx::query_as(
        "select promo_code_id, code, percent_basis_points, amount_minor, currency, starts_at, ends_at,
                max_uses, max_uses_per_buyer, state, uses, version, created_at
         from promo_codes
         where folded = $1",
    )
    .bind(code.folded())
    .fetch_optional(&mut *conn)
    .await?;
    first(conn, row).await
}

/// Promo codes that come after `after`, newest first.
pub async fn list(
    conn: &mut PgConnection,
    after: Option<PromoCodeId>,
    most: i64,
) -> Result<Vec<PromoCode>, sqlx::Error> {
    let rows: Vec<Row> = sqlx::query_as(
        "select promo_code_id, code, percent_basis_points, amount_minor, currency, starts_at, ends_at,
                max_uses, max_uses_per_buyer, state, uses, version, created_at
         from promo_codes
         where $1::uuid is null or promo_code_id < $1
         order by promo_code_id desc
         limit $2",
    )
    .bind(after)
    .bind(most)
    .fetch_all(&mut *conn)
    .await?;
    with_products(conn, rows).await
}

/// How many orders of a buyer hold or have used a promo code.
pub async fn uses_of_buyer(conn: &mut PgConnection, buyer: UserId, promo: PromoCodeId) -> Result<i32, sqlx::Error> {
    let uses: i64 = sqlx::query_scalar(
        "select count(*)
         from promo_redemptions
         where buyer_id = $1
           and promo_code_id = $2
           and state in ('held', 'used')",
    )
    .bind(buyer)
    .bind(promo)
    .fetch_one(conn)
    .await?;
    Ok(i32::try_from(uses).unwrap_or(i32::MAX))
}

/// Holds a use for an order. The promo code's row stays locked until the transaction ends.
pub async fn hold(conn: &mut PgConnection, order: &Order, promo: PromoCodeId) -> Result<(), sqlx::Error> {
    sqlx::query("update promo_codes set uses = uses + 1 where promo_code_id = $1")
        .bind(promo)
        .execute(&mut *conn)
        .await?;
    sqlx::query(
        "insert into promo_redemptions (buyer_id, order_id, promo_code_id, state)
         values ($1, $2, $3, 'held')",
    )
    .bind(order.buyer)
    .bind(order.id)
    .bind(promo)
    .execute(conn)
    .await?;
    Ok(())
}

/// Turns a held use into a used one, if the order holds any.
pub async fn consume(conn: &mut PgConnection, order: &Order) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update promo_redemptions
         set state = 'used'
         where buyer_id = $1
           and order_id = $2
           and state = 'held'",
    )
    .bind(order.buyer)
    .bind(order.id)
    .execute(conn)
    .await?;
    Ok(())
}

/// Gives a held use back, once, if the order holds any.
pub async fn release(conn: &mut PgConnection, order: &Order) -> Result<(), sqlx::Error> {
    sqlx::query(
        "with released as (
             update promo_redemptions
             set state = 'released'
             where buyer_id = $1
               and order_id = $2
               and state = 'held'
             returning promo_code_id
         )
         update promo_codes
         set uses = uses - 1
         from released
         where promo_codes.promo_code_id = released.promo_code_id",
    )
    .bind(order.buyer)
    .bind(order.id)
    .execute(conn)
    .await?;
    Ok(())
}

async fn first(conn: &mut PgConnection, row: Option<Row>) -> Result<Option<PromoCode>, sqlx::Error> {
    Ok(with_products(conn, row.into_iter().collect()).await?.pop())
}

async fn with_products(conn: &mut PgConnection, rows: Vec<Row>) -> Result<Vec<PromoCode>, sqlx::Error> {
    let ids: Vec<PromoCodeId> = rows.iter().map(|row| row.promo_code_id).collect();
    let scoped: Vec<(PromoCodeId, ProductId)> = sqlx::query_as(
        "select promo_code_id, product_id
         from promo_code_products
         where promo_code_id = any($1)
         order by promo_code_id, product_id",
    )
    .bind(ids)
    .fetch_all(conn)
    .await?;
    let mut products: HashMap<PromoCodeId, Vec<ProductId>> = HashMap::new();
    for (promo, product) in scoped {
        products.entry(promo).or_default().push(product);
    }
    let promo_code = |row: Row| {
        let products = products.remove(&row.promo_code_id).unwrap_or_default();
        promo_code(row, products)
    };
    rows.into_iter().map(promo_code).collect()
}

fn promo_code(row: Row, products: Vec<ProductId>) -> Result<PromoCode, sqlx::Error> {
    let discount = match (row.percent_basis_points, row.amount_minor, &row.currency) {
        (Some(points), ..) => BasisPoints::parse(points).ok().map(Discount::Percent),
        (None, Some(minor), Some(currency)) => Some(Discount::Amount(money(minor, currency)?)),
        _ => None,
    };
    let limit = |limit| Limit::parse(limit).map_err(|_| broken("limit"));
    Ok(PromoCode {
        id: row.promo_code_id,
        code: Code::parse(&row.code).map_err(|_| broken("promo code"))?,
        discount: discount.ok_or_else(|| broken("discount"))?,
        starts_at: row.starts_at,
        ends_at: row.ends_at,
        max_uses: limit(row.max_uses)?,
        max_uses_per_buyer: limit(row.max_uses_per_buyer)?,
        products,
        state: State::parse(&row.state).ok_or_else(|| broken("promo code state"))?,
        uses: row.uses,
        version: row.version,
        created_at: row.created_at,
    })
}
