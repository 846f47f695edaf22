//! Products and what they grant. The shop's customers see active ones only; whoever may edit sees all.

use std::collections::HashMap;

use sqlx::{PgConnection, QueryBuilder};
use values::record::{Seconds, Stored};

use super::position;
use crate::domain::{
    CourseId, Grant, Product, ProductId, RunId,
    product::{OrderBy, State, Title},
};

#[derive(values::Record)]
struct GrantRow {
    product_id: ProductId,
    #[record(flatten)]
    grant: Grant,
}

/// Which products to list.
#[derive(Debug, Default)]
pub struct Filter {
    pub state: Option<State>,
    pub run: Option<RunId>,
    pub course: Option<CourseId>,
    pub order_by: OrderBy,
}

/// Where a page of products begins: after this one. The title is that by which it is listed.
pub type After = (Option<Title>, ProductId);

/// Writes a new product.
pub async fn insert(conn: &mut PgConnection, product: &Product) -> Result<(), sqlx::Error> {
    pg::insert(&mut *conn, "products", product).await?;
    insert_grants(conn, product).await
}

/// Writes a changed product over the old one.
pub async fn update(conn: &mut PgConnection, product: &Product) -> Result<(), sqlx::Error> {
    pg::update(conn, "products", product).await
}

/// Writes what a product grants over what it granted before.
pub async fn replace_grants(conn: &mut PgConnection, product: &Product) -> Result<(), sqlx::Error> {
    sqlx::query("delete from product_grants where product_id = $1").bind(product.id).execute(&mut *conn).await?;
    insert_grants(conn, product).await
}

async fn insert_grants(conn: &mut PgConnection, product: &Product) -> Result<(), sqlx::Error> {
    let positions: Vec<i16> = (0..product.grants.len()).map(position).collect();
    let runs: Vec<RunId> = product.grants.iter().map(|grant| grant.run).collect();
    let lengths: Vec<Option<i64>> = product.grants.iter().map(|grant| Seconds::stored(&grant.access)).collect();
    sqlx::query(
        "insert into product_grants (product_id, position, run_id, access_seconds)
         select $1, position, run_id, access_seconds
         from unnest($2, $3, $4) as granted (position, run_id, access_seconds)",
    )
    .bind(product.id)
    .bind(positions)
    .bind(runs)
    .bind(lengths)
    .execute(conn)
    .await?;
    Ok(())
}

/// A product in whatever state.
pub async fn any(conn: &mut PgConnection, id: ProductId) -> Result<Option<Product>, sqlx::Error> {
    let found = sqlx::query_as(pg::sql!("select ", Product, " from products where product_id = $1"));
    let found = found.bind(id).fetch_all(&mut *conn).await?;
    Ok(with_grants(conn, found).await?.pop())
}

/// A product in whatever state, locked against other editors until the transaction ends.
pub async fn lock(conn: &mut PgConnection, id: ProductId) -> Result<Option<Product>, sqlx::Error> {
    let found = sqlx::query_as(pg::sql!("select ", Product, " from products where product_id = $1 for update"));
    let found = found.bind(id).fetch_all(&mut *conn).await?;
    Ok(with_grants(conn, found).await?.pop())
}

/// A product that is for sale.
pub async fn active(conn: &mut PgConnection, id: ProductId) -> Result<Option<Product>, sqlx::Error> {
    Ok(any(conn, id).await?.filter(|product| product.state == State::Active))
}

/// Products that come after `after`.
pub async fn list(
    conn: &mut PgConnection,
    filter: &Filter,
    after: Option<After>,
    limit: i64,
) -> Result<Vec<Product>, sqlx::Error> {
    let mut query = QueryBuilder::new(pg::sql!("select ", Product, " from products where true"));
    if let Some(state) = filter.state {
        query.push(" and state = ").push_bind(state);
    }
    if let Some(run) = filter.run {
        query.push(" and product_id in (select product_id from product_grants where run_id = ").push_bind(run);
        query.push(")");
    }
    if let Some(course) = filter.course {
        query.push(
            " and product_id in (select product_id from product_grants join runs using (run_id) where course_id = ",
        );
        query.push_bind(course).push(")");
    }
    match (filter.order_by, after) {
        (OrderBy::CreatedAtDesc, Some((_, id))) => {
            query.push(" and product_id < ").push_bind(id);
        }
        (OrderBy::Title, Some((title, id))) => {
            query.push(" and (title, product_id) > (").push_bind(title).push(", ").push_bind(id).push(")");
        }
        (_, None) => {}
    }
    query.push(match filter.order_by {
        OrderBy::CreatedAtDesc => " order by product_id desc limit ",
        OrderBy::Title => " order by title, product_id limit ",
    });
    let found = query.push_bind(limit).build_query_as().fetch_all(&mut *conn).await?;
    with_grants(conn, found).await
}

/// Those of the products that exist, in whatever state.
pub async fn existing(conn: &mut PgConnection, ids: &[ProductId]) -> Result<Vec<ProductId>, sqlx::Error> {
    sqlx::query_scalar("select product_id from products where product_id = any($1)").bind(ids).fetch_all(conn).await
}

async fn with_grants(conn: &mut PgConnection, mut products: Vec<Product>) -> Result<Vec<Product>, sqlx::Error> {
    let ids: Vec<ProductId> = products.iter().map(|product| product.id).collect();
    let granted: Vec<GrantRow> = sqlx::query_as(
        "select product_grants.product_id, runs.run_id, runs.course_id, runs.title, product_grants.access_seconds
         from product_grants
         join runs using (run_id)
         where product_grants.product_id = any($1)
         order by product_grants.product_id, product_grants.position",
    )
    .bind(ids)
    .fetch_all(conn)
    .await?;
    let mut grants: HashMap<ProductId, Vec<Grant>> = HashMap::new();
    for row in granted {
        grants.entry(row.product_id).or_default().push(row.grant);
    }
    for product in &mut products {
        product.grants = grants.remove(&product.id).unwrap_or_default();
    }
    Ok(products)
}
