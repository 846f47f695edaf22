//! Says what a product costs now, with or without a promo code. Placing an order quotes in its own transaction.

use sqlx::PgConnection;
use time::OffsetDateTime;
use values::Currency;

use crate::{
    app::App,
    domain::{Product, ProductId, PromoCode, Quote, Refusal, UserId, product, promo::Code},
    error::Result,
    store,
};

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Ask {
    pub product: ProductId,
    pub promo: Option<Code>,
    pub currency: Currency,
}

/// What was found.
#[derive(Debug, Clone)]
pub struct Quoted {
    pub product: Product,
    pub promo: Option<PromoCode>,
    pub quote: Quote,
}

/// Quotes for somebody, signed in or not; nothing is reserved.
pub async fn run(app: &App, buyer: Option<UserId>, ask: &Ask) -> Result<Quoted> {
    let conn = &mut *app.db.acquire().await?;
    let promo = match &ask.promo {
        Some(code) => Some(store::promo::by_code(conn, code).await?.ok_or(Refusal::PromoCodeUnknown)?),
        None => None,
    };
    of(conn, buyer, ask, promo, app.clock.now()).await
}

/// Quotes with a promo code that was loaded, and perhaps locked, by the caller.
pub(super) async fn of(
    conn: &mut PgConnection,
    buyer: Option<UserId>,
    ask: &Ask,
    promo: Option<PromoCode>,
    now: OffsetDateTime,
) -> Result<Quoted> {
    let product = store::product::active(conn, ask.product).await?.ok_or(Refusal::ProductNotFound)?;
    let prices = store::price::holding(conn, &[product.id], now).await?;
    let price = product::in_force(&prices, ask.currency, now);
    let price = price.ok_or(Refusal::ProductNotForSale { currency: ask.currency })?;
    if let Some(promo) = &promo {
        let uses_of_buyer = match buyer {
            Some(buyer) => store::promo::uses_of_buyer(conn, buyer, promo.id).await?,
            None => 0,
        };
        promo.admit(product.id, uses_of_buyer, now)?;
    }
    let quote = Quote::of(product.id, price.amount, promo.as_ref())?;
    Ok(Quoted { product, promo, quote })
}
