//! Sets a price from a moment on, for good or for a while.

use pg::{Claim, Idempotent};
use sqlx::PgConnection;
use time::OffsetDateTime;
use values::{Id, Money};

use super::create_product::not_past;
use crate::{
    app::App,
    domain::{Price, ProductId, Refusal},
    error::{Error, Result},
    store,
};

/// What a manager wants it to cost.
#[derive(Debug, Clone)]
pub struct NewPrice {
    pub amount: Money,
    /// None for from now.
    pub starts_at: Option<OffsetDateTime>,
    /// None for open end; later than the start.
    pub ends_at: Option<OffsetDateTime>,
}

/// Sets a price of a product. The same key gives the same price.
pub async fn run(app: &App, product: ProductId, price: &NewPrice, key: Option<&Idempotent>) -> Result<Price> {
    let now = app.clock.now();
    pg::transaction(&app.db, async |conn| {
        if let Some(key) = key
            && let Claim::Replay(id) = key.claim(conn, now).await?
        {
            let price = store::price::find(conn, Id::from_uuid(id)).await?;
            return price.ok_or_else(|| Refusal::ProductNotFound.into());
        }
        store::product::any(conn, product).await?.ok_or(Refusal::ProductNotFound)?;
        let price = save(conn, product, price, now).await?;
        if let Some(key) = key {
            key.record(conn, price.id.uuid(), now).await?;
        }
        Ok::<_, Error>(price)
    })
    .await
}

/// Writes a price in the caller's transaction.
pub(super) async fn save(
    conn: &mut PgConnection,
    product: ProductId,
    price: &NewPrice,
    now: OffsetDateTime,
) -> Result<Price> {
    let starts_at = not_past(price.starts_at, now)?;
    if price.ends_at.is_some_and(|end| end <= starts_at) {
        return Err(Refusal::EmptyWindow.into());
    }
    let price =
        Price { id: Id::new(now), product, amount: price.amount, starts_at, ends_at: price.ends_at, created_at: now };
    let inserted = store::price::insert(conn, &price).await;
    inserted.map_err(|error| match pg::violated(&error, store::price::START_KEY) {
        true => Refusal::PriceTaken.into(),
        false => Error::from(error),
    })?;
    Ok(price)
}
