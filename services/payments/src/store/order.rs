//! Orders with their items and what those open.

use std::collections::HashMap;

use sqlx::{FromRow, PgConnection};
use time::OffsetDateTime;

use super::{Claiming, access, broken, money, position, seconds};
use crate::domain::{
    AttemptId, CourseId, Grant, Order, OrderId, ProductId, PromoCodeId, RunId, UserId,
    order::{Item, Number, Promo, State},
};

#[derive(FromRow)]
struct Row {
    order_id: OrderId,
    number: String,
    buyer_id: UserId,
    state: String,
    currency: String,
    price_minor: i64,
    discount_minor: i64,
    total_minor: i64,
    promo_code_id: Option<PromoCodeId>,
    promo_code: Option<String>,
    created_at: OffsetDateTime,
    expires_at: OffsetDateTime,
    paid_at: Option<OffsetDateTime>,
    paid_by: Option<AttemptId>,
    ended_at: Option<OffsetDateTime>,
    version: i64,
}

#[derive(FromRow)]
struct ItemRow {
    order_id: OrderId,
    position: i16,
    product_id: ProductId,
    title: String,
    price_minor: i64,
    discount_minor: i64,
    total_minor: i64,
}

#[derive(FromRow)]
struct GrantRow {
    order_id: OrderId,
    item: i16,
    run_id: RunId,
    course_id: CourseId,
    title: String,
    access_seconds: Option<i64>,
}

/// Which of everybody's orders to list.
#[derive(Debug, Default)]
pub struct Filter {
    pub state: Option<State>,
    pub buyer: Option<UserId>,
    pub number: Option<Number>,
}

/// Whether an order has this number.
pub async fn number_is_used(conn: &mut PgConnection, number: &Number) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("select exists (select from orders where number = $1)")
        .bind(number.as_str())
        .fetch_one(conn)
        .await
}

/// Writes a new order; `check_at` is when the clockwork looks at it.
pub async fn insert(conn: &mut PgConnection, order: &Order, check_at: OffsetDateTime) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into orders (
             order_id, number, buyer_id, state, currency, price_minor, discount_minor, total_minor,
             promo_code_id, promo_code, created_at, expires_at, paid_at, paid_by, ended_at, version, check_at
         )
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)",
    )
    .bind(order.id)
    .bind(order.number.as_str())
    .bind(order.buyer)
    .bind(order.state.as_str())
    .bind(order.total.currency().as_str())
    .bind(order.price.minor())
    .bind(order.discount.minor())
    .bind(order.total.minor())
    .bind(order.promo.as_ref().map(|promo| promo.id))
    .bind(order.promo.as_ref().map(|promo| promo.code.as_str()))
    .bind(order.created_at)
    .bind(order.expires_at)
    .bind(order.paid_at)
    .bind(order.paid_by)
    .bind(order.ended_at)
    .bind(order.version)
    .bind(check_at)
    .execute(&mut *conn)
    .await?;
    for (at, item) in order.items.iter().enumerate() {
        insert_item(conn, order.id, position(at), item).await?;
    }
    Ok(())
}

async fn insert_item(conn: &mut PgConnection, order: OrderId, at: i16, item: &Item) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into order_items (order_id, position, product_id, title, price_minor, discount_minor, total_minor)
         values ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(order)
    .bind(at)
    .bind(item.product)
    .bind(&item.title)
    .bind(item.price.minor())
    .bind(item.discount.minor())
    .bind(item.total.minor())
    .execute(&mut *conn)
    .await?;
    for (grant_at, grant) in item.grants.iter().enumerate() {
        sqlx::query(
            "insert into order_grants (order_id, item, position, run_id, course_id, title, access_seconds)
             values ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(order)
        .bind(at)
        .bind(position(grant_at))
        .bind(grant.run)
        .bind(grant.course)
        .bind(&grant.title)
        .bind(seconds(grant.access))
        .execute(&mut *conn)
        .await?;
    }
    Ok(())
}

/// Writes what changes in an order: its state and what comes with it. Only a placed order is looked at by the clockwork.
pub async fn update(conn: &mut PgConnection, order: &Order) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update orders
         set state = $2,
             paid_at = $3,
             paid_by = $4,
             ended_at = $5,
             version = $6,
             check_at = case when $2 = 'placed' then check_at end
         where order_id = $1",
    )
    .bind(order.id)
    .bind(order.state.as_str())
    .bind(order.paid_at)
    .bind(order.paid_by)
    .bind(order.ended_at)
    .bind(order.version)
    .execute(conn)
    .await?;
    Ok(())
}

/// A buyer's own order.
pub async fn of_buyer(conn: &mut PgConnection, buyer: UserId, id: OrderId) -> Result<Option<Order>, sqlx::Error> {
    Ok(any(conn, id).await?.filter(|order| order.buyer == buyer))
}

/// Anybody's order.
pub async fn any(conn: &mut PgConnection, id: OrderId) -> Result<Option<Order>, sqlx::Error> {
    let row: Option<Row> = sqlx::query_as(
        "select order_id, number, buyer_id, state, currency, price_minor, discount_minor, total_minor,
                promo_code_id, promo_code, created_at, expires_at, paid_at, paid_by, ended_at, version
         from orders
         where order_id = $1",
    )
    .bind(id)
    .fetch_optional(&mut *conn)
    .await?;
    Ok(with_items(conn, row.into_iter().collect()).await?.pop())
}

/// Anybody's order, locked until the transaction ends. Whoever changes anything of an order locks it first.
pub async fn lock(conn: &mut PgConnection, id: OrderId) -> Result<Option<Order>, sqlx::Error> {
    let row: Option<Row> = sqlx::query_as(
        "select order_id, number, buyer_id, state, currency, price_minor, discount_minor, total_minor,
                promo_code_id, promo_code, created_at, expires_at, paid_at, paid_by, ended_at, version
         from orders
         where order_id = $1
         for update",
    )
    .bind(id)
    .fetch_optional(&mut *conn)
    .await?;
    Ok(with_items(conn, row.into_iter().collect()).await?.pop())
}

/// A buyer's own order, locked until the transaction ends.
pub async fn lock_of_buyer(conn: &mut PgConnection, buyer: UserId, id: OrderId) -> Result<Option<Order>, sqlx::Error> {
    Ok(lock(conn, id).await?.filter(|order| order.buyer == buyer))
}

/// A buyer's own orders that come after `after`, newest first.
pub async fn list_of_buyer(
    conn: &mut PgConnection,
    buyer: UserId,
    state: Option<State>,
    after: Option<OrderId>,
    most: i64,
) -> Result<Vec<Order>, sqlx::Error> {
    let rows: Vec<Row> = sqlx::query_as(
        "select order_id, number, buyer_id, state, currency, price_minor, discount_minor, total_minor,
                promo_code_id, promo_code, created_at, expires_at, paid_at, paid_by, ended_at, version
         from orders
         where buyer_id = $1
           and ($2::uuid is null or order_id < $2)
           and ($3::text is null or state = $3)
         order by order_id desc
         limit $4",
    )
    .bind(buyer)
    .bind(after)
    .bind(state.map(State::as_str))
    .bind(most)
    .fetch_all(&mut *conn)
    .await?;
    with_items(conn, rows).await
}

/// Anybody's orders that come after `after`, newest first.
pub async fn list_any(
    conn: &mut PgConnection,
    filter: &Filter,
    after: Option<OrderId>,
    most: i64,
) -> Result<Vec<Order>, sqlx::Error> {
    let rows: Vec<Row> = sqlx::query_as(
        "select order_id, number, buyer_id, state, currency, price_minor, discount_minor, total_minor,
                promo_code_id, promo_code, created_at, expires_at, paid_at, paid_by, ended_at, version
         from orders
         where ($1::uuid is null or order_id < $1)
           and ($2::text is null or state = $2)
           and ($3::uuid is null or buyer_id = $3)
           and ($4::text is null or number = $4)
         order by order_id desc
         limit $5",
    )
    .bind(after)
    .bind(filter.state.map(State::as_str))
    .bind(filter.buyer)
    .bind(filter.number.as_ref().map(Number::as_str))
    .bind(most)
    .fetch_all(&mut *conn)
    .await?;
    with_items(conn, rows).await
}

/// A buyer's orders that wait to be paid.
pub async fn placed_by(conn: &mut PgConnection, buyer: UserId) -> Result<Vec<OrderId>, sqlx::Error> {
    sqlx::query_scalar("select order_id from orders where buyer_id = $1 and state = 'placed' order by order_id")
        .bind(buyer)
        .fetch_all(conn)
        .await
}

/// Claims orders whose time has come.
pub async fn claim_due(conn: &mut PgConnection, claiming: Claiming) -> Result<Vec<OrderId>, sqlx::Error> {
    sqlx::query_scalar(
        "update orders
         set check_at = $2
         where order_id in (
             select order_id
             from orders
             where check_at <= $1
             order by check_at
             limit $3
             for update skip locked
         )
         returning order_id",
    )
    .bind(claiming.now)
    .bind(claiming.until)
    .bind(claiming.most)
    .fetch_all(conn)
    .await
}

async fn with_items(conn: &mut PgConnection, rows: Vec<Row>) -> Result<Vec<Order>, sqlx::Error> {
    let ids: Vec<OrderId> = rows.iter().map(|row| row.order_id).collect();
    let mut grants = grants(conn, &ids).await?;
    let item_rows: Vec<ItemRow> = sqlx::query_as(
        "select order_id, position, product_id, title, price_minor, discount_minor, total_minor
         from order_items
         where order_id = any($1)
         order by order_id, position",
    )
    .bind(ids)
    .fetch_all(conn)
    .await?;
    let mut items: HashMap<OrderId, Vec<ItemRow>> = HashMap::new();
    for row in item_rows {
        items.entry(row.order_id).or_default().push(row);
    }
    let order = |row: Row| {
        let items = items.remove(&row.order_id).unwrap_or_default();
        let items = items.into_iter().map(|item| {
            let grants = grants.remove(&(item.order_id, item.position)).unwrap_or_default();
            read_item(item, grants, &row.currency)
        });
        let items = items.collect::<Result<_, _>>()?;
        read(row, items)
    };
    rows.into_iter().map(order).collect()
}

async fn grants(
    conn: &mut PgConnection,
    orders: &[OrderId],
) -> Result<HashMap<(OrderId, i16), Vec<Grant>>, sqlx::Error> {
    let rows: Vec<GrantRow> = sqlx::query_as(
        "select order_id, item, run_id, course_id, title, access_seconds
         from order_grants
         where order_id = any($1)
         order by order_id, item, position",
    )
    .bind(orders)
    .fetch_all(conn)
    .await?;
    let mut grants: HashMap<_, Vec<Grant>> = HashMap::new();
    for row in rows {
        let grant =
            Grant { run: row.run_id, course: row.course_id, title: row.title, access: access(row.access_seconds)? };
        grants.entry((row.order_id, row.item)).or_default().push(grant);
    }
    Ok(grants)
}

fn read_item(row: ItemRow, grants: Vec<Grant>, currency: &str) -> Result<Item, sqlx::Error> {
    Ok(Item {
        product: row.product_id,
        title: row.title,
        price: money(row.price_minor, currency)?,
        discount: money(row.discount_minor, currency)?,
        total: money(row.total_minor, currency)?,
        grants,
    })
}

fn read(row: Row, items: Vec<Item>) -> Result<Order, sqlx::Error> {
    Ok(Order {
        id: row.order_id,
        number: Number::stored(row.number),
        buyer: row.buyer_id,
        state: State::parse(&row.state).ok_or_else(|| broken("order state"))?,
        items,
        price: money(row.price_minor, &row.currency)?,
        discount: money(row.discount_minor, &row.currency)?,
        total: money(row.total_minor, &row.currency)?,
        promo: row.promo_code_id.zip(row.promo_code).map(|(id, code)| Promo { id, code }),
        created_at: row.created_at,
        expires_at: row.expires_at,
        paid_at: row.paid_at,
        paid_by: row.paid_by,
        ended_at: row.ended_at,
        version: row.version,
    })
}
