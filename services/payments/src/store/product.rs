//! Products and what they grant. The shop's customers see active ones only; whoever may edit sees all.

use std::collections::HashMap;

use sqlx::{FromRow, PgConnection};
use time::OffsetDateTime;

use super::{access, broken, position, seconds};
use crate::domain::{CourseId, Grant, Product, ProductId, RunId, product::State};

#[derive(FromRow)]
struct Row {
    product_id: ProductId,
    title: String,
    description: String,
    state: String,
    version: i64,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
}

#[derive(FromRow)]
struct GrantRow {
    product_id: ProductId,
    run_id: RunId,
    course_id: CourseId,
    title: String,
    access_seconds: Option<i64>,
}

/// Which of the active products to list.
#[derive(Debug, Default)]
pub struct Filter {
    pub run: Option<RunId>,
    pub course: Option<CourseId>,
}

/// Writes a new product.
pub async fn insert(conn: &mut PgConnection, product: &Product) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into products (product_id, title, description, state, version, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(product.id)
    .bind(&product.title)
    .bind(&product.description)
    .bind(product.state.as_str())
    .bind(product.version)
    .bind(product.created_at)
    .bind(product.updated_at)
    .execute(&mut *conn)
    .await?;
    insert_grants(conn, product).await
}

/// Writes a changed product over the old one.
pub async fn update(conn: &mut PgConnection, product: &Product) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update products
         set title = $2, description = $3, state = $4, version = $5, updated_at = $6
         where product_id = $1",
    )
    .bind(product.id)
    .bind(&product.title)
    .bind(&product.description)
    .bind(product.state.as_str())
    .bind(product.version)
    .bind(product.updated_at)
    .execute(conn)
    .await?;
    Ok(())
}

/// Writes what a product grants over what it granted before.
pub async fn replace_grants(conn: &mut PgConnection, product: &Product) -> Result<(), sqlx::Error> {
    sqlx::query("delete from product_grants where product_id = $1").bind(product.id).execute(&mut *conn).await?;
    insert_grants(conn, product).await
}

async fn insert_grants(conn: &mut PgConnection, product: &Product) -> Result<(), sqlx::Error> {
    let positions: Vec<i16> = (0..product.grants.len()).map(position).collect();
    let runs: Vec<RunId> = product.grants.iter().map(|grant| grant.run).collect();
    let lengths: Vec<Option<i64>> = product.grants.iter().map(|grant| seconds(grant.access)).collect();
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
    let row: Option<Row> = sqlx::query_as(
        "select product_id, title, description, state, version, created_at, updated_at
         from products
         where product_id = $1",
    )
    .bind(id)
    .fetch_optional(&mut *conn)
    .await?;
    first(conn, row).await
}

/// A product in whatever state, locked against other editors until the transaction ends.
pub async fn lock(conn: &mut PgConnection, id: ProductId) -> Result<Option<Product>, sqlx::Error> {
    let row: Option<Row> = sqlx::query_as(
        "select product_id, title, description, state, version, created_at, updated_at
         from products
         where product_id = $1
         for update",
    )
    .bind(id)
    .fetch_optional(&mut *conn)
    .await?;
    first(conn, row).await
}

/// A product that is for sale.
pub async fn active(conn: &mut PgConnection, id: ProductId) -> Result<Option<Product>, sqlx::Error> {
    Ok(any(conn, id).await?.filter(|product| product.state == State::Active))
}

/// Products for sale that come after `after`, newest first.
pub async fn list_active(
    conn: &mut PgConnection,
    filter: &Filter,
    after: Option<ProductId>,
    most: i64,
) -> Result<Vec<Product>, sqlx::Error> {
    let rows: Vec<Row> = sqlx::query_as(
        "select product_id, title, description, state, version, created_at, updated_at
         from products
         where state = 'active'
           and ($1::uuid is null or product_id < $1)
           and (
               ($2::uuid is null and $3::uuid is null)
               or exists (
                   select
                   from product_grants
                   join runs using (run_id)
                   where product_grants.product_id = products.product_id
                     and ($2::uuid is null or runs.run_id = $2)
                     and ($3::uuid is null or runs.course_id = $3)
               )
           )
         order by product_id desc
         limit $4",
    )
    .bind(after)
    .bind(filter.run)
    .bind(filter.course)
    .bind(most)
    .fetch_all(&mut *conn)
    .await?;
    with_grants(conn, rows).await
}

/// Products in any state, or in one, that come after `after`, newest first.
pub async fn list_any(
    conn: &mut PgConnection,
    state: Option<State>,
    after: Option<ProductId>,
    most: i64,
) -> Result<Vec<Product>, sqlx::Error> {
    let rows: Vec<Row> = sqlx::query_as(
        "select product_id, title, description, state, version, created_at, updated_at
         from products
         where ($1::uuid is null or product_id < $1)
           and ($2::text is null or state = $2)
         order by product_id desc
         limit $3",
    )
    .bind(after)
    .bind(state.map(State::as_str))
    .bind(most)
    .fetch_all(&mut *conn)
    .await?;
    with_grants(conn, rows).await
}

/// Those of the products that exist, in whatever state.
pub async fn existing(conn: &mut PgConnection, ids: &[ProductId]) -> Result<Vec<ProductId>, sqlx::Error> {
    sqlx::query_scalar("select product_id from products where product_id = any($1)").bind(ids).fetch_all(conn).await
}

async fn first(conn: &mut PgConnection, row: Option<Row>) -> Result<Option<Product>, sqlx::Error> {
    Ok(with_grants(conn, row.into_iter().collect()).await?.pop())
}

async fn with_grants(conn: &mut PgConnection, rows: Vec<Row>) -> Result<Vec<Product>, sqlx::Error> {
    let ids: Vec<ProductId> = rows.iter().map(|row| row.product_id).collect();
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
        let grant =
            Grant { run: row.run_id, course: row.course_id, title: row.title, access: access(row.access_seconds)? };
        grants.entry(row.product_id).or_default().push(grant);
    }
    let product = |row: Row| {
        Ok(Product {
            id: row.product_id,
            title: row.title,
            description: row.description,
            grants: grants.remove(&row.product_id).unwrap_or_default(),
            state: State::parse(&row.state).ok_or_else(|| broken("product state"))?,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    };
    rows.into_iter().map(product).collect()
}
