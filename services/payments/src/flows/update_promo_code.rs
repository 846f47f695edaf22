//! Changes what may be changed of a promo code: never its code, never its discount.

use time::OffsetDateTime;

use super::create_promo_code::{expect_products, expect_window};
use crate::{
    app::App,
    domain::{
        ProductId, PromoCode, PromoCodeId, Refusal, product,
        promo::{Limit, State},
    },
    error::{Error, Result},
    store,
};

/// What a manager wants to change; none leaves it.
#[derive(Debug, Clone)]
pub struct UpdatePromoCode {
    pub promo: PromoCodeId,
    pub starts_at: Option<Option<OffsetDateTime>>,
    pub ends_at: Option<Option<OffsetDateTime>>,
    pub max_uses: Option<Limit>,
    pub max_uses_per_buyer: Option<Limit>,
    pub products: Option<Vec<ProductId>>,
    pub state: Option<State>,
    /// The version that the editor saw, if they named it.
    pub version: Option<i64>,
}

/// Changes a promo code.
pub async fn run(app: &App, command: &UpdatePromoCode) -> Result<PromoCode> {
    let now = app.clock.now();
    pg::transaction(&app.db, async |conn| {
        let promo = store::promo::lock(conn, command.promo).await?.ok_or(Refusal::PromoCodeNotFound)?;
        product::expect_version(promo.version, command.version)?;
        let edited = PromoCode {
            starts_at: command.starts_at.map_or(promo.starts_at, |starts| starts.unwrap_or(now)),
            ends_at: command.ends_at.unwrap_or(promo.ends_at),
            max_uses: command.max_uses.unwrap_or(promo.max_uses),
            max_uses_per_buyer: command.max_uses_per_buyer.unwrap_or(promo.max_uses_per_buyer),
            products: command.products.clone().unwrap_or_else(|| promo.products.clone()),
            state: command.state.unwrap_or(promo.state),
            ..promo.clone()
        };
        if edited == promo {
            return Ok(promo);
        }
        let promo = edited.changed()?;
        expect_window(&promo)?;
        expect_products(conn, &promo.products).await?;
        store::promo::update(conn, &promo).await?;
        Ok::<_, Error>(promo)
    })
    .await
}
