//! The clockwork. A job claims rows and calls a flow for each; a crash leaves a claim that runs out.

use std::{fmt::Display, future::Future, sync::Arc, time::Duration};

use chassis::Runtime;
use futures::{StreamExt, stream};
use time::OffsetDateTime;

use crate::{
    App, Error,
    domain::{AttemptId, OrderId, RefundId},
    flows::{
        ask::{self, Asked, Hinted},
        expire_order, measure, send_refund,
    },
    store::{self, Claiming},
};

/// Who acts when nobody asked.
const ACTOR: &str = "service:payments";
/// Rows that one run claims.
const AT_ONCE: i64 = 50;
/// Rows that are worked on side by side.
const SIDE_BY_SIDE: usize = 8;
/// Longer than a run can take: 50 rows, 8 at a time, two calls of a few seconds each.
const CLAIMED_FOR: time::Duration = time::Duration::minutes(3);

/// Starts every job.
pub fn start(app: &Arc<App>, runtime: &Runtime) {
    let often = Duration::from_secs(2);
    let shared = Arc::clone(app);
    runtime.job("ask-about-payments", often, move || ask_about_payments(Arc::clone(&shared)));
    let shared = Arc::clone(app);
    runtime.job("resume-refunds", often, move || resume_refunds(Arc::clone(&shared)));
    let shared = Arc::clone(app);
    runtime.job("expire-orders", Duration::from_secs(15), move || expire_orders(Arc::clone(&shared)));
    let shared = Arc::clone(app);
    runtime.job("measure", Duration::from_secs(15), move || measure_waiting(Arc::clone(&shared)));
    let shared = Arc::clone(app);
    runtime.job("tidy", Duration::from_secs(3_600), move || tidy(Arc::clone(&shared)));
}

/// Asks the provider about attempts that nobody has heard of for a while.
pub async fn ask_about_payments(app: Arc<App>) -> Result<(), Error> {
    let due = store::attempt::claim_due(&mut *app.db.acquire().await?, claiming(&app)).await?;
    each("attempt", due, |(id, _): &(AttemptId, i32)| *id, |(id, asked)| ask_about(&app, id, asked)).await;
    Ok(())
}

async fn ask_about(app: &App, id: AttemptId, asked: i32) -> Result<(), Error> {
    let answer = ask::ask(app, ACTOR, id, Hinted::default()).await?;
    let over = answer == Asked::Answered { open: false };
    let next = (!over).then(|| later(app, asked));
    Ok(store::attempt::ask_at(&mut *app.db.acquire().await?, id, next).await?)
}

/// Sends refunds that were not sent, and asks about those whose answer was lost.
pub async fn resume_refunds(app: Arc<App>) -> Result<(), Error> {
    let due = store::refund::claim_due(&mut *app.db.acquire().await?, claiming(&app)).await?;
    each("refund", due, |(id, _): &(RefundId, i32)| *id, |(id, asked)| resume_refund(&app, id, asked)).await;
    Ok(())
}

async fn resume_refund(app: &App, id: RefundId, asked: i32) -> Result<(), Error> {
    let refund = send_refund::resume(app, ACTOR, id).await?;
    if !refund.state.is_over() {
        store::refund::ask_at(&mut *app.db.acquire().await?, id, later(app, asked)).await?;
    }
    Ok(())
}

/// Ends orders that nobody paid in time.
pub async fn expire_orders(app: Arc<App>) -> Result<(), Error> {
    let due = store::order::claim_due(&mut *app.db.acquire().await?, claiming(&app)).await?;
    let expire = async |id| expire_order::expire_order(&app, ACTOR, id).await.map(|_| ());
    each("order", due, |id: &OrderId| *id, expire).await;
    Ok(())
}

async fn measure_waiting(app: Arc<App>) -> Result<(), Error> {
    measure::measure(&app).await
}

/// Deletes what is not needed any more.
pub async fn tidy(app: Arc<App>) -> Result<(), Error> {
    let now = app.clock.now();
    pg::idempotency::sweep(&app.db, now).await?;
    bus::sweep(&app.db, now).await?;
    let conn = &mut *app.db.acquire().await?;
    store::webhook::forget_old(conn, now).await?;
    store::webhook::delete_refused(conn, now).await?;
    Ok(())
}

fn claiming(app: &App) -> Claiming {
    let now = app.clock.now();
    Claiming { now, until: now + CLAIMED_FOR, most: AT_ONCE }
}

fn later(app: &App, asked: i32) -> OffsetDateTime {
    app.clock.now() + app.rules.schedule.after(asked)
}

/// Works on every row. One that fails is logged and keeps its claim, so that it comes again and holds nobody else up.
async fn each<T, I: Display, W: Future<Output = Result<(), Error>>>(
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
