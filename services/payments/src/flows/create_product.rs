//! Puts a product up for sale, perhaps with its first prices.

use pg::{Claim, Idempotent};
use sqlx::PgConnection;
use time::OffsetDateTime;
use values::Id;

use super::set_price::{self, NewPrice};
use crate::{
    app::App,
    domain::{
        Grant, Product, Refusal, RunId,
        product::{Description, Granting, State, Title},
    },
    error::{Error, Result},
    store,
};

/// What a manager wants to sell.
#[derive(Debug, Clone)]
pub struct CreateProduct {
    pub title: Title,
    pub description: Description,
    pub grants: Vec<Granting>,
    pub prices: Vec<NewPrice>,
}

/// Creates a product. The same key gives the same product.
pub async fn run(app: &App, command: &CreateProduct, key: Option<&Idempotent>) -> Result<Product> {
    let now = app.clock.now();
    pg::transaction(&app.db, async |conn| {
        if let Some(key) = key
            && let Claim::Replay(id) = key.claim(conn, now).await?
        {
            let product = store::product::any(conn, Id::from_uuid(id)).await?;
            return product.ok_or_else(|| Refusal::ProductNotFound.into());
        }
        let product = Product {
            id: Id::new(now),
            title: command.title.clone(),
            description: command.description.clone(),
            grants: grants(conn, &command.grants).await?,
            state: State::Active,
            version: 1,
            created_at: now,
            updated_at: now,
        };
        store::product::insert(conn, &product).await?;
        for price in &command.prices {
            set_price::save(conn, product.id, price, now).await?;
        }
        if let Some(key) = key {
            key.record(conn, product.id.uuid(), now).await?;
        }
        Ok::<_, Error>(product)
    })
    .await
}

/// Completes what is to be granted from the copy of runs; refuses runs that are not in it.
pub(super) async fn grants(conn: &mut PgConnection, granted: &[Granting]) -> Result<Vec<Grant>> {
    let ids: Vec<RunId> = granted.iter().map(|granting| granting.run).collect();
    let known = store::run::known(conn, &ids).await?;
    let grant = |granting: &Granting| {
        let run = known.get(&granting.run).ok_or(Refusal::RunUnknown { run_id: granting.run })?;
        Ok(Grant { run: run.id, course: run.course, title: run.title.clone(), access: granting.access })
    };
    granted.iter().map(grant).collect()
}

/// The moment from which something holds that was asked for `from` a moment, or at once. Clocks of people differ by
/// seconds.
pub(super) fn not_past(from: Option<OffsetDateTime>, now: OffsetDateTime) -> Result<OffsetDateTime, Refusal> {
    match from {
        None => Ok(now),
        Some(from) if from >= now => Ok(from),
        Some(from) if now - from <= time::Duration::MINUTE => Ok(now),
        Some(_) => Err(Refusal::PriceInThePast),
    }
}
