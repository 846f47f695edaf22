//! Change a product, or take it off the shelf. What was ordered before stays as it was ordered.

use super::create_product::{Granting, grants};
use crate::{
    App, Error,
    domain::{
        Product, ProductId, Refusal,
        product::{Description, Title},
    },
    store,
};

/// What a manager wants to change; none leaves it.
#[derive(Debug, Clone)]
pub struct EditProduct {
    pub product: ProductId,
    pub title: Option<Title>,
    pub description: Option<Description>,
    pub grants: Option<Vec<Granting>>,
    /// The version that the editor saw, or empty.
    pub etag: String,
}

/// Changes a product.
pub async fn edit_product(app: &App, command: &EditProduct) -> Result<Product, Error> {
    let now = app.clock.now();
    pg::transaction(&app.db, async |conn| {
        let product = store::product::lock(conn, command.product).await?.ok_or(Refusal::ProductNotFound)?;
        product.expect_etag(&command.etag)?;
        let mut product = product.changed(now);
        if let Some(title) = &command.title {
            product.title = title.as_str().to_owned();
        }
        if let Some(description) = &command.description {
            product.description = description.as_str().to_owned();
        }
        if let Some(granted) = &command.grants {
            product.grants = grants(conn, granted).await?;
            store::product::replace_grants(conn, &product).await?;
        }
        store::product::update(conn, &product).await?;
        Ok::<_, Error>(product)
    })
    .await
}

/// Takes a product off the shelf; twice changes nothing.
pub async fn archive_product(app: &App, id: ProductId) -> Result<Product, Error> {
    let now = app.clock.now();
    pg::transaction(&app.db, async |conn| {
        let product = store::product::lock(conn, id).await?.ok_or(Refusal::ProductNotFound)?;
        let product = product.archived(now);
        store::product::update(conn, &product).await?;
        Ok::<_, Error>(product)
    })
    .await
}
