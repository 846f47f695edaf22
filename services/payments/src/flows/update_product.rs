//! Changes a product. What was ordered before stays as it was ordered.

use super::create_product::grants;
use crate::{
    app::App,
    domain::{
        Product, ProductId, Refusal,
        product::{self, Description, Granting, Title},
    },
    error::{Error, Result},
    store,
};

/// What a manager wants to change; none leaves it.
#[derive(Debug, Clone)]
pub struct UpdateProduct {
    pub product: ProductId,
    pub title: Option<Title>,
    pub description: Option<Description>,
    pub grants: Option<Vec<Granting>>,
    /// The version that the editor saw, if they named it.
    pub version: Option<i64>,
}

/// Changes a product.
pub async fn run(app: &App, command: &UpdateProduct) -> Result<Product> {
    let now = app.clock.now();
    pg::transaction(&app.db, async |conn| {
        let product = store::product::lock(conn, command.product).await?.ok_or(Refusal::ProductNotFound)?;
        product::expect_version(product.version, command.version)?;
        let mut edited = product.clone();
        if let Some(title) = &command.title {
            edited.title = title.clone();
        }
        if let Some(description) = &command.description {
            edited.description = description.clone();
        }
        if let Some(granted) = &command.grants {
            edited.grants = grants(conn, granted).await?;
        }
        if edited == product {
            return Ok(product);
        }
        let product = edited.changed(now);
        if command.grants.is_some() {
            store::product::replace_grants(conn, &product).await?;
        }
        store::product::update(conn, &product).await?;
        Ok::<_, Error>(product)
    })
    .await
}
