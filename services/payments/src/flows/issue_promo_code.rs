//! Issue a promo code, or change what may be changed of one: never its code, never its discount.

use pg::{Claim, Idempotent};
use sqlx::PgConnection;
use time::OffsetDateTime;
use values::Id;

use crate::{
    App, Error,
    domain::{
        ProductId, PromoCode, PromoCodeId, Refusal,
        promo::{Code, Discount, Limit, State},
    },
    store,
};

/// What a manager wants to issue.
#[derive(Debug, Clone)]
pub struct IssuePromoCode {
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

/// What a manager wants to change; none leaves it.
#[derive(Debug, Clone)]
pub struct EditPromoCode {
    pub promo: PromoCodeId,
    pub starts_at: Option<Option<OffsetDateTime>>,
    pub ends_at: Option<Option<OffsetDateTime>>,
    pub max_uses: Option<Limit>,
    pub max_uses_per_buyer: Option<Limit>,
    pub products: Option<Vec<ProductId>>,
    pub state: Option<State>,
    /// The version that the editor saw, or empty.
    pub etag: String,
}

/// Issues a promo code. The same key again gives the same promo code.
pub async fn issue_promo_code(
    app: &App,
    command: &IssuePromoCode,
    key: Option<&Idempotent>,
) -> Result<PromoCode, Error> {
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

/// Changes a promo code.
pub async fn edit_promo_code(app: &App, command: &EditPromoCode) -> Result<PromoCode, Error> {
    let now = app.clock.now();
    pg::transaction(&app.db, async |conn| {
        let promo = store::promo::lock(conn, command.promo).await?.ok_or(Refusal::PromoCodeNotFound)?;
        promo.expect_etag(&command.etag)?;
        let promo = PromoCode {
            starts_at: command.starts_at.map_or(promo.starts_at, |starts| starts.unwrap_or(now)),
            ends_at: command.ends_at.unwrap_or(promo.ends_at),
            max_uses: command.max_uses.unwrap_or(promo.max_uses),
            max_uses_per_buyer: command.max_uses_per_buyer.unwrap_or(promo.max_uses_per_buyer),
            products: command.products.clone().unwrap_or_else(|| promo.products.clone()),
            state: command.state.unwrap_or(promo.state),
            ..promo
        };
        let promo = promo.changed()?;
        expect_window(&promo)?;
        expect_products(conn, &promo.products).await?;
        store::promo::update(conn, &promo).await?;
        Ok::<_, Error>(promo)
    })
    .await
}

async fn expect_products(conn: &mut PgConnection, products: &[ProductId]) -> Result<(), Error> {
    let existing = store::product::existing(conn, products).await?;
    if existing.len() == products.len() { Ok(()) } else { Err(Refusal::ProductNotFound.into()) }
}

/// The two ends may come from different requests, so that only here they meet.
fn expect_window(promo: &PromoCode) -> Result<(), Refusal> {
    match promo.ends_at {
        Some(end) if end <= promo.starts_at => Err(Refusal::EmptyWindow),
        _ => Ok(()),
    }
}
