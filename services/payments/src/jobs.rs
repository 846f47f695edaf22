//! The jobs that claim rows and call a flow for each. After a crash the lease runs out, and the row is claimed once
//! more.

use std::{fmt::Display, future::Future};

use futures::{StreamExt, stream};
use pg::Lease;
use time::OffsetDateTime;

use crate::{
    app::App,
    domain::{AttemptId, OrderId, RefundId},
    error::Result,
    flows::{
        ask_provider::{self, Answered, Notice},
        expire_order, send_refund,
    },
    store,
};

/// Who acts when nobody asked.
const ACTOR: &str = "service:payments";
/// Rows that one run claims.
const AT_ONCE: i64 = 50;
/// Rows that are worked on side by side.
const SIDE_BY_SIDE: usize = 8;
/// Longer than a run can take: 50 rows, 8 at a time, two calls of a few seconds each.
const LEASED_FOR: time::Duration = time::Duration::minutes(3);

/// Asks the provider about attempts whose state has not been learnt for a while.
pub async fn ask_about_payments(app: &App) -> Result<()> {
    let due = store::attempt::claim_due(&mut *app.db.acquire().await?, lease(app)).await?;
    each("attempt", due, |(id, _): &(AttemptId, i32)| *id, |(id, asked)| ask_about(app, id, asked)).await;
    Ok(())
}

async fn ask_about(app: &App, id: AttemptId, asked: i32) -> Result<()> {
    let answer = ask_provider::run(app, ACTOR, id, Notice::default()).await?;
    let over = answer == Answered::Yes { open: false };
    let next = (!over).then(|| later(app, asked));
    Ok(store::attempt::ask_at(&mut *app.db.acquire().await?, id, next).await?)
}

/// Sends refunds that were not sent, and asks about those whose answer was lost.
pub async fn resume_refunds(app: &App) -> Result<()> {
    let due = store::refund::claim_due(&mut *app.db.acquire().await?, lease(app)).await?;
    each("refund", due, |(id, _): &(RefundId, i32)| *id, |(id, asked)| resume_refund(app, id, asked)).await;
    Ok(())
}

async fn resume_refund(app: &App, id: RefundId, asked: i32) -> Result<()> {
    let refund = send_refund::resume(app, ACTOR, id).await?;
    if !refund.state.is_over() {
        store::refund::ask_at(&mut *app.db.acquire().await?, id, later(app, asked)).await?;
    }
    Ok(())
}

/// Ends orders that nobody paid in time.
pub async fn expire_orders(app: &App) -> Result<()> {
    let due = store::order::claim_due(&mut *app.db.acquire().await?, lease(app)).await?;
    let expire = async |id| expire_order::run(app, ACTOR, id).await.map(|_| ());
    each("order", due, |id: &OrderId| *id, expire).await;
    Ok(())
}

fn lease(app: &App) -> Lease {
    Lease::new(app.clock.now(), LEASED_FOR, AT_ONCE)
}

fn later(app: &App, asked: i32) -> OffsetDateTime {
    app.clock.now() + app.rules.schedule.after(asked)
}

/// Works on every row. One that fails is logged and keeps its lease, so that it is claimed later and does not stop the
/// others.
async fn each<T, I: Display, W: Future<Output = Result<()>>>(
    what: &str,
    rows: Vec<T>,
    id: impl Fn(&T) -> I,
    work: impl Fn(T) -> W,
) {
    let works = stream::iter(rows).map(|row| {
        let id = id(&row);
        let work = work(row);
        async move { (id, work.await) }
    });
    let done = works.buffer_unordered(SIDE_BY_SIDE);
    done.for_each(async |(id, result)| {
        if let Err(error) = result {
            tracing::error!(what, %id, error = rpc::chain(&error), "The {what} {id} could not be worked on.");
        }
    })
    .await;
}
