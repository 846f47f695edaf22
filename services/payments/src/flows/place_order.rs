//! Places an order: fixes the price, reserves the promo code's use, writes down what is owed. What costs nothing is
//! paid at once.

use bus::By;
use failpoint::failpoint;
use pg::{Claim, Idempotent};
use sqlx::PgConnection;
use time::OffsetDateTime;
use values::Id;

use super::{
    quote_price::{self, Ask, Quoted},
    settle_attempt,
};
use crate::{
    announce,
    app::App,
    domain::{
        Intent, Order, OrderId, PromoCode, Refusal, UserId,
        order::{Number, Placing, Promo},
        promo::Code,
    },
    error::{Error, Result},
    store,
};

/// How many numbers are tried before something is thought to be wrong with chance itself.
const NUMBERS_TRIED: usize = 8;

/// Places an order for its buyer. The same key gives the same order.
pub async fn run(app: &App, actor: &str, buyer: UserId, ask: &Ask, key: &Idempotent) -> Result<Order> {
    let now = app.clock.now();
    let by = By { actor, now };
    let order = pg::transaction(&app.db, async |conn| {
        if let Claim::Replay(order) = key.claim(conn, now).await? {
            let order = store::order::of_buyer(conn, buyer, Id::from_uuid(order)).await?;
            return order.ok_or_else(|| Refusal::OrderNotFound.into());
        }
        let promo = match &ask.promo {
            Some(code) => Some(lock_promo(conn, code).await?),
            None => None,
        };
        let quoted = quote_price::of(conn, Some(buyer), ask, promo, now).await?;
        expect_not_owned(conn, buyer, &quoted).await?;
        let order = Order::placed(unused_id(conn, now).await?, placing(buyer, quoted), app.rules.lifetime, now);
        let order = save(app, conn, order, by).await?;
        key.record(conn, order.id.uuid(), now).await?;
        Ok::<_, Error>(order)
    })
    .await?;
    failpoint!("order.placed");
    tracing::info!(order = %order.id, "Order {} is {}.", order.id, order.state.as_str());
    Ok(order)
}

/// Two buyers at the last use: the second waits here, and then sees that it is used.
async fn lock_promo(conn: &mut PgConnection, code: &Code) -> Result<PromoCode> {
    let found = store::promo::by_code(conn, code).await?.ok_or(Refusal::PromoCodeUnknown)?;
    Ok(store::promo::lock(conn, found.id).await?.ok_or(Refusal::PromoCodeUnknown)?)
}

async fn expect_not_owned(conn: &mut PgConnection, buyer: UserId, quoted: &Quoted) -> Result<()> {
    let runs: Vec<_> = quoted.product.grants.iter().map(|grant| grant.run).collect();
    let owned = store::entitlement::owned_for_ever(conn, buyer, &runs).await?;
    if owned.len() == runs.len() { Err(Refusal::AlreadyOwned.into()) } else { Ok(()) }
}

fn placing(buyer: UserId, quoted: Quoted) -> Placing {
    let promo = quoted.promo.map(|promo| Promo { id: promo.id, code: promo.code.as_str().to_owned() });
    Placing {
        buyer,
        title: quoted.product.title.into_string(),
        grants: quoted.product.grants,
        quote: quoted.quote,
        promo,
    }
}

/// An id whose number no other order has.
async fn unused_id(conn: &mut PgConnection, now: OffsetDateTime) -> Result<OrderId> {
    for _ in 0..NUMBERS_TRIED {
        let id = Id::new(now);
        if !store::order::number_is_used(conn, &Number::of(id)).await? {
            return Ok(id);
        }
    }
    Err(anyhow::anyhow!("{NUMBERS_TRIED} random order numbers were all used").into())
}

async fn save(app: &App, conn: &mut PgConnection, order: Order, by: By<'_>) -> Result<Order> {
    store::order::insert(conn, &order, order.expires_at + app.rules.grace).await?;
    if let Some(promo) = &order.promo {
        store::promo::hold(conn, &order, promo.id).await?;
    }
    announce::order_placed(conn, &order, by).await?;
    if order.amounts.total.is_zero() {
        let order = order.paid(None, by.now)?;
        settle_attempt::open_access(conn, &order, by).await?;
        return Ok(order);
    }
    store::intent::insert(conn, &Intent::owed(Id::new(by.now), order.id, order.amounts.total)).await?;
    Ok(order)
}
