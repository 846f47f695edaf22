//! Place an order: fix the price, hold the promo code's use, write down what is owed. What costs nothing is paid at once.

use auth::Caller;
use failpoint::failpoint;
use pg::{Claim, Idempotent};
use sqlx::PgConnection;
use time::OffsetDateTime;
use values::Id;

use super::{
    quote::{self, Ask, Quoted},
    settle,
};
use crate::{
    App, Error,
    domain::{
        Intent, Order, OrderId, PromoCode, Refusal, UserId,
        order::{Number, Placing, Promo},
        promo::Code,
    },
    events, store,
};

/// How many numbers are tried before something is thought to be wrong with chance itself.
const NUMBERS_TRIED: usize = 8;

/// Places an order for its buyer. The same key again gives the same order.
pub async fn place_order(
    app: &App,
    caller: &Caller,
    buyer: UserId,
    ask: &Ask,
    key: &Idempotent,
) -> Result<Order, Error> {
    let now = app.clock.now();
    let actor = caller.actor();
    let order = pg::transaction(&app.db, async |conn| {
        if let Claim::Replay(order) = key.claim(conn, now).await? {
            let order = store::order::of_buyer(conn, buyer, Id::from_uuid(order)).await?;
            return order.ok_or_else(|| Refusal::OrderNotFound.into());
        }
        let promo = match &ask.promo {
            Some(code) => Some(lock_promo(conn, code).await?),
            None => None,
        };
        let quoted = quote::of(conn, Some(buyer), ask, promo, now).await?;
        expect_not_owned(conn, buyer, &quoted).await?;
        let order = Order::placed(unused_id(conn, now).await?, placing(buyer, quoted), app.rules.lifetime, now);
        let order = save(app, conn, order, &actor, now).await?;
        key.record(conn, order.id.uuid(), now).await?;
        Ok::<_, Error>(order)
    })
    .await?;
    failpoint!("order.placed");
    tracing::info!(order = %order.id, "Order {} is {}.", order.id, order.state.as_str());
    Ok(order)
}

/// Two buyers at the last use: the second waits here, and then sees that it is gone.
async fn lock_promo(conn: &mut PgConnection, code: &Code) -> Result<PromoCode, Error> {
    let found = store::promo::by_code(conn, code).await?.ok_or(Refusal::PromoCodeUnknown)?;
    Ok(store::promo::lock(conn, found.id).await?.ok_or(Refusal::PromoCodeUnknown)?)
}

async fn expect_not_owned(conn: &mut PgConnection, buyer: UserId, quoted: &Quoted) -> Result<(), Error> {
    let runs: Vec<_> = quoted.product.grants.iter().map(|grant| grant.run).collect();
    let owned = store::entitlement::owned_for_ever(conn, buyer, &runs).await?;
    if owned.len() == runs.len() { Err(Refusal::AlreadyOwned.into()) } else { Ok(()) }
}

fn placing(buyer: UserId, quoted: Quoted) -> Placing {
    let promo = quoted.promo.map(|promo| Promo { id: promo.id, code: promo.code.as_str().to_owned() });
    Placing { buyer, title: quoted.product.title, grants: quoted.product.grants, quote: quoted.quote, promo }
}

/// An id whose number no other order has.
async fn unused_id(conn: &mut PgConnection, now: OffsetDateTime) -> Result<OrderId, Error> {
    for _ in 0..NUMBERS_TRIED {
        let id = Id::new(now);
        if !store::order::number_is_used(conn, &Number::of(id)).await? {
            return Ok(id);
        }
    }
    Err(anyhow::anyhow!("{NUMBERS_TRIED} random order numbers were all used").into())
}

async fn save(
    app: &App,
    conn: &mut PgConnection,
    order: Order,
    actor: &str,
    now: OffsetDateTime,
) -> Result<Order, Error> {
    store::order::insert(conn, &order, order.expires_at + app.rules.grace).await?;
    if let Some(promo) = &order.promo {
        store::promo::hold(conn, &order, promo.id).await?;
    }
    events::order_placed(conn, &order, actor, now).await?;
    if order.total.is_zero() {
        let order = order.paid(None, now)?;
        settle::open_access(conn, &order, actor, now).await?;
        return Ok(order);
    }
    store::intent::insert(conn, &Intent::owed(Id::new(now), order.id, order.total)).await?;
    Ok(order)
}
