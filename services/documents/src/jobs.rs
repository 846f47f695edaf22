//! The clockwork. A job claims rows and calls a flow for each; a crash leaves a claim that runs out.

pub mod copier;
pub mod paper;
pub mod printer;

use std::{sync::Arc, time::Duration};

use chassis::Runtime;

use crate::{
    App, Error,
    document_system::Line,
    flows::{delete_objects, expire_uploads, measure},
    neighbours::Neighbours,
    store::{self, Claiming},
};

/// Rows that one run claims.
const AT_ONCE: i64 = 50;
/// Longer than the calls of one run take; a store that answers nothing holds them up no longer than this.
const CLAIMED_FOR: time::Duration = time::Duration::minutes(30);

/// Starts every job.
pub fn start(app: &Arc<App>, runtime: &Runtime, line: Option<Arc<Line>>, neighbours: Neighbours) {
    paper::start(app, runtime, line);
    runtime.tasks.spawn("printer", printer::print(Arc::clone(app), runtime.shutdown.clone()));
    let (stop, copying) = (runtime.shutdown.clone(), copier::copy(Arc::clone(app), neighbours));
    runtime.tasks.once("copy-neighbours", async move {
        stop.run_until_cancelled(copying).await;
    });
    let shared = Arc::clone(app);
    runtime.job("expire-uploads", Duration::from_secs(60), move || expire(Arc::clone(&shared)));
    let shared = Arc::clone(app);
    runtime.job("delete-objects", Duration::from_secs(10), move || delete(Arc::clone(&shared)));
    let shared = Arc::clone(app);
    runtime.job("measure", Duration::from_secs(15), move || measure_waiting(Arc::clone(&shared)));
    let shared = Arc::clone(app);
    runtime.job("tidy", Duration::from_secs(3_600), move || tidy(Arc::clone(&shared)));
}

/// Ends uploads that nobody completed in time.
pub async fn expire(app: Arc<App>) -> Result<(), Error> {
    while expire_uploads::expire_uploads(&app, claiming(&app)).await? > 0 {}
    Ok(())
}

/// Deletes objects that nobody needs any more. One that cannot be deleted comes again when its claim runs out, and holds no other up.
pub async fn delete(app: Arc<App>) -> Result<(), Error> {
    let mut failed = None;
    while failed.is_none() {
        let due = store::doomed::claim_due(&mut *app.db.acquire().await?, claiming(&app)).await?;
        if due.is_empty() {
            break;
        }
        for doomed in &due {
            failed = delete_objects::delete_object(&app, doomed).await.err().or(failed);
        }
    }
    let overdue = store::doomed::overdue(&mut *app.db.acquire().await?, app.clock.now()).await?;
    #[expect(clippy::cast_precision_loss, reason = "a gauge; nobody has 2^52 objects to delete")]
    metrics::gauge!("doomed_objects_overdue").set(overdue as f64);
    failed.map_or(Ok(()), Err)
}

async fn measure_waiting(app: Arc<App>) -> Result<(), Error> {
    measure::measure(&app).await
}

/// Deletes what is not needed any more.
pub async fn tidy(app: Arc<App>) -> Result<(), Error> {
    let now = app.clock.now();
    pg::idempotency::sweep(&app.db, now).await?;
    bus::sweep(&app.db, now).await?;
    Ok(store::uploads::forget_old(&mut *app.db.acquire().await?, now).await?)
}

fn claiming(app: &App) -> Claiming {
    let now = app.clock.now();
    Claiming { now, until: now + CLAIMED_FOR, most: AT_ONCE }
}
