//! Gives a paid order's money back because somebody decided it.

use bus::By;
use pg::{Claim, Idempotent};
use values::{Id, Money};

use super::{give_back, send_refund};
use crate::{
    app::App,
    domain::{OrderId, Refund, Refusal, refund::Reason},
    error::{Error, Result},
    store,
};

/// What somebody with the permission asks for.
#[derive(Debug, Clone)]
pub struct RefundOrder {
    pub order: OrderId,
    /// None for all of it.
    pub amount: Option<Money>,
    pub reason: Reason,
}

/// Writes the refund down and sends it. The same key gives the same refund.
pub async fn run(app: &App, actor: &str, command: &RefundOrder, key: &Idempotent) -> Result<Refund> {
    let now = app.clock.now();
    let (refund, fresh) = pg::transaction(&app.db, async |conn| {
        let claim = key.claim(conn, now).await?;
        if let Claim::Replay(id) = claim {
            let refund = store::refund::any(conn, Id::from_uuid(id)).await?;
            return Ok((refund.ok_or_else(|| anyhow::anyhow!("refund {id} is missing"))?, false));
        }
        let order = store::order::lock(conn, command.order).await?.ok_or(Refusal::OrderNotFound)?;
        let paid_by = match order.paid_by {
            Some(id) => store::attempt::any(conn, id).await?,
            None => None,
        };
        let reason = command.reason.clone();
        let refund = Refund::requested(Id::new(now), &order, paid_by.as_ref(), command.amount, reason, now)?;
        let inserted = store::refund::insert(conn, &refund, now + app.rules.schedule.after(0)).await;
        inserted.map_err(on_its_way)?;
        key.record(conn, refund.id.uuid(), now).await?;
        if paid_by.is_some() {
            return Ok((refund, true));
        }
        let refund = give_back::run(conn, order, None, refund, By { actor, now }).await?;
        Ok::<_, Error>((refund, false))
    })
    .await?;
    let (id, order) = (refund.id, refund.order);
    tracing::info!(%order, refund = %id, by = actor, "Refund {id} of order {order}.");
    if fresh { send_refund::run(app, actor, refund.id).await } else { Ok(refund) }
}

fn on_its_way(error: sqlx::Error) -> Error {
    let twice = pg::violated(&error, store::refund::ATTEMPT_KEY) || pg::violated(&error, store::refund::FREE_KEY);
    if twice { Refusal::RefundInProgress.into() } else { error.into() }
}
