//! Promo codes, their scope, and which orders hold a use of one.

use std::collections::HashMap;

use sqlx::{PgConnection, QueryBuilder};
use values::{
    Money, Record,
    record::{self, Arguments, Column, Row},
};

use crate::domain::{
    Order, ProductId, PromoCode, PromoCodeId, UserId,
    promo::{BasisPoints, Code, Discount, OrderBy, State},
};

/// Refuses a code that exists already, in whatever case.
pub const FOLDED_KEY: &str = "promo_codes_folded_key";

/// A share, or an amount with its currency.
impl Record for Discount {
    const COLUMNS: &'static [Column] =
        &[Column::of("percent_basis_points"), Column::of("amount_minor"), Column::of("currency")];

    fn read(row: &Row<'_>) -> Result<Self, record::Error> {
        let points: Option<i32> = row.get("percent_basis_points")?;
        let Some(points) = points else { return Ok(Self::Amount(Money::read(row)?)) };
        let points = u32::try_from(points).map_err(record::refused)?;
        Ok(Self::Percent(BasisPoints::try_from(points).map_err(record::refused)?))
    }

    fn bind(discount: Option<&Self>, to: &mut Arguments) {
        let (points, amount) = match discount {
            Some(Self::Percent(points)) => (i32::try_from(points.get()).ok(), None),
            Some(Self::Amount(amount)) => (None, Some(amount)),
            None => (None, None),
        };
        to.add(points);
        Money::bind(amount, to);
    }
}

/// Which promo codes to list.
#[derive(Debug, Default)]
pub struct Filter {
    pub state: Option<State>,
    pub code: Option<Code>,
    pub product: Option<ProductId>,
    pub order_by: OrderBy,
}

/// Where a page of promo codes begins: after this one. The text is that by which it is listed.
pub type After = (Option<String>, PromoCodeId);

/// Writes a new promo code.
pub async fn insert(conn: &mut PgConnection, promo: &PromoCode) -> Result<(), sqlx::Error> {
    pg::row(promo).and("folded", promo.code.folded()).insert(&mut *conn, "promo_codes").await?;
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
    .bind(promo.max_uses)
    .bind(promo.max_uses_per_buyer)
    .bind(promo.state)
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
    let found = sqlx::query_as(pg::sql!("select ", PromoCode, " from promo_codes where promo_code_id = $1"));
    let found = found.bind(id).fetch_all(&mut *conn).await?;
    Ok(with_products(conn, found).await?.pop())
}

/// One promo code, locked until the transaction ends.
pub async fn lock(conn: &mut PgConnection, id: PromoCodeId) -> Result<Option<PromoCode>, sqlx::Error> {
    let found = sqlx::query_as(pg::sql!("select ", PromoCode, " from promo_codes where promo_code_id = $1 for update"));
    let found = found.bind(id).fetch_all(&mut *conn).await?;
    Ok(with_products(conn, found).await?.pop())
}

/// The promo code that people type so.
pub async fn by_code(conn: &mut PgConnection, code: &Code) -> Result<Option<PromoCode>, sqlx::Error> {
    let found = sqlx::query_as(pg::sql!("select ", PromoCode, " from promo_codes where folded = $1"));
    let found = found.bind(code.folded()).fetch_all(&mut *conn).await?;
    Ok(with_products(conn, found).await?.pop())
}

/// Promo codes that come after `after`.
pub async fn list(
    conn: &mut PgConnection,
    filter: &Filter,
    after: Option<After>,
    limit: i64,
) -> Result<Vec<PromoCode>, sqlx::Error> {
    let mut query = QueryBuilder::new(pg::sql!("select ", PromoCode, " from promo_codes where true"));
    if let Some(state) = filter.state {
        query.push(" and state = ").push_bind(state);
    }
    if let Some(code) = &filter.code {
        query.push(" and folded = ").push_bind(code.folded());
    }
    if let Some(product) = filter.product {
        query.push(" and promo_code_id in (select promo_code_id from promo_code_products where product_id = ");
        query.push_bind(product).push(")");
    }
    match (filter.order_by, after) {
        (OrderBy::CreatedAtDesc, Some((_, id))) => {
            query.push(" and promo_code_id < ").push_bind(id);
        }
        // No two codes are the same when their case is ignored.
        (OrderBy::Code, Some((folded, _))) => {
            query.push(" and folded > ").push_bind(folded);
        }
        (_, None) => {}
    }
    query.push(match filter.order_by {
        OrderBy::CreatedAtDesc => " order by promo_code_id desc limit ",
        OrderBy::Code => " order by folded limit ",
    });
    let found = query.push_bind(limit).build_query_as().fetch_all(&mut *conn).await?;
    with_products(conn, found).await
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

/// Reserves a use for an order. The promo code's row stays locked until the transaction ends.
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

/// Turns a reserved use into a used one, if the order has any.
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

/// Gives a reserved use back, once, if the order has any.
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

async fn with_products(conn: &mut PgConnection, mut promos: Vec<PromoCode>) -> Result<Vec<PromoCode>, sqlx::Error> {
    let ids: Vec<PromoCodeId> = promos.iter().map(|promo| promo.id).collect();
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
    for promo in &mut promos {
        promo.products = products.remove(&promo.id).unwrap_or_default();
    }
    Ok(promos)
}
