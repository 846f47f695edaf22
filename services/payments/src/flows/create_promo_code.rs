//! Issues a promo code.

use pg::{Claim, Idempotent};
use sqlx::PgConnection;
use time::OffsetDateTime;
use values::Id;

use crate::{
    app::App,
    domain::{
        ProductId, PromoCode, Refusal,
        promo::{Code, Discount, Limit, State},
    },
    error::{Error, Result},
    store,
};

/// What a manager wants to issue.
#[derive(Debug, Clone)]
pub struct CreatePromoCode {
    pub code: Code,
    pub discount: Discount,
    /// None for at once.
    pub starts_at: Option<OffsetDateTime>,
    pub ends_at: Option<OffsetDateTime>,
    pub max_uses: Limit,
    pub max_uses_per_buyer: Limit,
    pub products: Vec<ProductId>,
    pub state: State,
}

/// Issues a promo code. The same key gives the same promo code.
pub async fn run(app: &App, command: &CreatePromoCode, key: Option<&Idempotent>) -> Result<PromoCode> {
    let now = app.clock.now();
    pg::transaction(&app.db, async |conn| {
        if let Some(key) = key
            && let Claim::Replay(id) = key.claim(conn, now).await?
        {
            let promo = store::promo::find(conn, Id::from_uuid(id)).await?;
            return promo.ok_or_else(|| Refusal::PromoCodeNotFound.into());
        }
        expect_products(conn, &command.products).await?;
        let promo = PromoCode {
            id: Id::new(now),
            code: command.code.clone(),
            discount: command.discount,
            starts_at: command.starts_at.unwrap_or(now),
            ends_at: command.ends_at,
            max_uses: command.max_uses,
            max_uses_per_buyer: command.max_uses_per_buyer,
            products: command.products.clone(),
            state: command.state,
            uses: 0,
            version: 1,
            created_at: now,
        };
        expect_window(&promo)?;
        let inserted = store::promo::insert(conn, &promo).await;
        inserted.map_err(|error| match pg::violated(&error, store::promo::FOLDED_KEY) {
            true => Refusal::PromoCodeTaken.into(),
            false => Error::from(error),
        })?;
        if let Some(key) = key {
            key.record(conn, promo.id.uuid(), now).await?;
        }
        Ok::<_, Error>(promo)
    })
    .await
}

pub(super) async fn expect_products(conn: &mut PgConnection, products: &[ProductId]) -> Result<()> {
    let existing = store::product::existing(conn, products).await?;
    if existing.len() == products.len() { Ok(()) } else { Err(Refusal::ProductNotFound.into()) }
}

/// The two ends may come from different requests, so that only here they meet.
pub(super) fn expect_window(promo: &PromoCode) -> Result<(), Refusal> {
    match promo.ends_at {
        Some(end) if end <= promo.starts_at => Err(Refusal::EmptyWindow),
        _ => Ok(()),
    }
}
