//! Orders with their items and what those open.

use std::collections::HashMap;

use pg::Lease;
use sqlx::{PgConnection, Postgres, QueryBuilder};
use time::OffsetDateTime;
use values::{
    Money, Record,
    record::{self, Arguments, Column, Row},
};

use super::{first_id, next_id, position};
use crate::domain::{
    Amounts, Grant, Order, OrderId, ProductId, UserId,
    order::{Item, Number, OrderBy, State},
    promo::Code,
};

/// Amounts of one currency.
impl Record for Amounts {
    const COLUMNS: &'static [Column] =
        &[Column::of("price_minor"), Column::of("discount_minor"), Column::of("total_minor"), Column::of("currency")];

    fn read(row: &Row<'_>) -> Result<Self, record::Error> {
        let currency = row.get("currency")?;
        let money = |column| Ok::<_, record::Error>(Money::new(row.get(column)?, currency));
        Ok(Self { price: money("price_minor")?, discount: money("discount_minor")?, total: money("total_minor")? })
    }

    fn bind(amounts: Option<&Self>, to: &mut Arguments) {
        to.add(amounts.map(|amounts| amounts.price.minor()));
        to.add(amounts.map(|amounts| amounts.discount.minor()));
        to.add(amounts.map(|amounts| amounts.total.minor()));
        to.add(amounts.map(|amounts| amounts.total.currency()));
    }
}

/// An item has no currency of its own: it is the order's.
#[derive(values::Record)]
struct ItemRow {
    order_id: OrderId,
    position: i16,
    product_id: ProductId,
    title: String,
    #[record(flatten)]
    amounts: Amounts,
}

#[derive(values::Record)]
struct GrantRow {
    order_id: OrderId,
    item: i16,
    #[record(flatten)]
    grant: Grant,
}

/// Which of everybody's orders to list.
#[derive(Debug, Default)]
pub struct Filter {
    pub state: Option<State>,
    pub buyer: Option<UserId>,
    pub number: Option<Number>,
    pub promo: Option<Code>,
    pub product: Option<ProductId>,
    /// Placed at this instant or later.
    pub from: Option<OffsetDateTime>,
    /// Placed before this instant.
    pub before: Option<OffsetDateTime>,
    pub order_by: OrderBy,
}

/// Whether an order has this number.
pub async fn number_is_used(conn: &mut PgConnection, number: &Number) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("select exists (select from orders where number = $1)").bind(number).fetch_one(conn).await
}

/// Writes a new order; `check_at` is when a job looks at it.
pub async fn insert(conn: &mut PgConnection, order: &Order, check_at: OffsetDateTime) -> Result<(), sqlx::Error> {
    pg::row(order).and("check_at", check_at).insert(&mut *conn, "orders").await?;
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
    .bind(item.amounts.price.minor())
    .bind(item.amounts.discount.minor())
    .bind(item.amounts.total.minor())
    .execute(&mut *conn)
    .await?;
    for (grant_at, grant) in item.grants.iter().enumerate() {
        let row = pg::row(grant).and("order_id", order).and("item", at).and("position", position(grant_at));
        row.insert(&mut *conn, "order_grants").await?;
    }
    Ok(())
}

/// Writes what changes in an order: its state and what comes with it. Only a placed order is looked at by a job.
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
    .bind(order.state)
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
    let found = sqlx::query_as(pg::sql!("select ", Order, " from orders where order_id = $1"));
    let found = found.bind(id).fetch_all(&mut *conn).await?;
    Ok(with_items(conn, found).await?.pop())
}

/// Anybody's order, locked until the transaction ends. Whoever changes anything of an order locks it first.
pub async fn lock(conn: &mut PgConnection, id: OrderId) -> Result<Option<Order>, sqlx::Error> {
    let found = sqlx::query_as(pg::sql!("select ", Order, " from orders where order_id = $1 for update"));
    let found = found.bind(id).fetch_all(&mut *conn).await?;
    Ok(with_items(conn, found).await?.pop())
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
    limit: i64,
) -> Result<Vec<Order>, sqlx::Error> {
    list(conn, &Filter { buyer: Some(buyer), state, ..Filter::default() }, after, limit).await
}

/// Anybody's orders that come after `after`.
pub async fn list_any(
    conn: &mut PgConnection,
    filter: &Filter,
    after: Option<OrderId>,
    limit: i64,
) -> Result<Vec<Order>, sqlx::Error> {
    list(conn, filter, after, limit).await
}

/// Each condition has an index that ends with the order's id.
async fn list(
    conn: &mut PgConnection,
    filter: &Filter,
    after: Option<OrderId>,
    limit: i64,
) -> Result<Vec<Order>, sqlx::Error> {
    let mut query = QueryBuilder::new(pg::sql!("select ", Order, " from orders where true"));
    conditions(&mut query, filter);
    let (follows, direction) = match filter.order_by {
        OrderBy::CreatedAtDesc => (" and order_id < ", " order by order_id desc limit "),
        OrderBy::CreatedAt => (" and order_id > ", " order by order_id limit "),
    };
    if let Some(after) = after {
        query.push(follows).push_bind(after);
    }
    query.push(direction).push_bind(limit);
    let found = query.build_query_as().fetch_all(&mut *conn).await?;
    with_items(conn, found).await
}

fn conditions(query: &mut QueryBuilder<Postgres>, filter: &Filter) {
    if let Some(buyer) = filter.buyer {
        query.push(" and buyer_id = ").push_bind(buyer);
    }
    if let Some(state) = filter.state {
        query.push(" and state = ").push_bind(state);
    }
    if let Some(number) = &filter.number {
        query.push(" and number = ").push_bind(number.clone());
    }
    if let Some(code) = &filter.promo {
        query.push(" and promo_code_id = (select promo_code_id from promo_codes where folded = ");
        query.push_bind(code.folded()).push(")");
    }
    if let Some(product) = filter.product {
        query.push(" and order_id in (select order_id from order_items where product_id = ");
        query.push_bind(product).push(")");
    }
    if let Some(from) = filter.from {
        query.push(" and created_at >= ").push_bind(from);
        query.push(" and order_id >= ").push_bind(first_id::<ids::kind::Order>(from));
    }
    if let Some(before) = filter.before {
        query.push(" and created_at < ").push_bind(before);
        query.push(" and order_id < ").push_bind(next_id::<ids::kind::Order>(before));
    }
}

/// A buyer's orders that wait to be paid.
pub async fn placed_by(conn: &mut PgConnection, buyer: UserId) -> Result<Vec<OrderId>, sqlx::Error> {
    sqlx::query_scalar("select order_id from orders where buyer_id = $1 and state = 'placed' order by order_id")
        .bind(buyer)
        .fetch_all(conn)
        .await
}

/// Claims orders whose time has come.
pub async fn claim_due(conn: &mut PgConnection, lease: Lease) -> Result<Vec<OrderId>, sqlx::Error> {
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
    .bind(lease.now)
    .bind(lease.until)
    .bind(lease.limit)
    .fetch_all(conn)
    .await
}

async fn with_items(conn: &mut PgConnection, mut orders: Vec<Order>) -> Result<Vec<Order>, sqlx::Error> {
    let ids: Vec<OrderId> = orders.iter().map(|order| order.id).collect();
    let mut grants = grants(conn, &ids).await?;
    let rows: Vec<ItemRow> = sqlx::query_as(
        "select i.order_id, i.position, i.product_id, i.title, i.price_minor, i.discount_minor,
                i.total_minor, o.currency
         from order_items i
         join orders o using (order_id)
         where i.order_id = any($1)
         order by i.order_id, i.position",
    )
    .bind(ids)
    .fetch_all(conn)
    .await?;
    let mut items: HashMap<OrderId, Vec<Item>> = HashMap::new();
    for ItemRow { order_id, position, product_id, title, amounts } in rows {
        let grants = grants.remove(&(order_id, position)).unwrap_or_default();
        items.entry(order_id).or_default().push(Item { product: product_id, title, amounts, grants });
    }
    for order in &mut orders {
        order.items = items.remove(&order.id).unwrap_or_default();
    }
    Ok(orders)
}

async fn grants(
    conn: &mut PgConnection,
    orders: &[OrderId],
) -> Result<HashMap<(OrderId, i16), Vec<Grant>>, sqlx::Error> {
    let rows: Vec<GrantRow> = sqlx::query_as(pg::sql!(
        "select ",
        GrantRow,
        " from order_grants where order_id = any($1) order by order_id, item, position"
    ))
    .bind(orders)
    .fetch_all(conn)
    .await?;
    let mut grants: HashMap<_, Vec<Grant>> = HashMap::new();
    for row in rows {
        grants.entry((row.order_id, row.item)).or_default().push(row.grant);
    }
    Ok(grants)
}
