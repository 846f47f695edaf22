//! Takes a product off the shelf. What was ordered before stays as it was ordered.

use crate::{
    app::App,
    domain::{Product, ProductId, Refusal},
    error::{Error, Result},
    store,
};

/// Archives a product; twice changes nothing.
pub async fn run(app: &App, id: ProductId) -> Result<Product> {
    let now = app.clock.now();
    pg::transaction(&app.db, async |conn| {
        let product = store::product::lock(conn, id).await?.ok_or(Refusal::ProductNotFound)?;
        let product = product.archived(now);
        store::product::update(conn, &product).await?;
        Ok::<_, Error>(product)
    })
    .await
}
