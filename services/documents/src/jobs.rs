//! The clockwork. A job claims rows and calls a flow for each; a crash leaves a claim that runs out.

pub mod copier;
pub mod paper;
pub mod printer;

use crate::{
    App, Error,
    flows::{delete_objects, expire_uploads},
    store::{self, Claiming},
};

/// Rows that one run claims.
const AT_ONCE: i64 = 50;
/// Longer than the calls of one run take; a store that answers nothing holds them up no longer than this.
const CLAIMED_FOR: time::Duration = time::Duration::minutes(30);

/// Ends uploads that nobody completed in time.
pub async fn expire(app: &App) -> Result<(), Error> {
    while expire_uploads::expire_uploads(app, claiming(app)).await? > 0 {}
    Ok(())
}

/// Deletes objects that nobody needs any more. One that cannot be deleted comes again when its claim runs out, and holds no other up.
pub async fn delete(app: &App) -> Result<(), Error> {
    let mut failed = None;
    while failed.is_none() {
        let due = store::doomed::claim_due(&mut *app.db.acquire().await?, claiming(app)).await?;
        if due.is_empty() {
            break;
        }
        for doomed in &due {
            failed = delete_objects::delete_object(app, doomed).await.err().or(failed);
        }
    }
    let overdue = store::doomed::overdue(&mut *app.db.acquire().await?, app.clock.now()).await?;
    #[expect(clippy::cast_precision_loss, reason = "a gauge; nobody has 2^52 objects to delete")]
    metrics::gauge!("doomed_objects_overdue").set(overdue as f64);
    failed.map_or(Ok(()), Err)
}

/// Forgets uploads that ended long ago.
pub async fn forget_uploads(app: &App) -> Result<(), Error> {
    Ok(store::uploads::forget_old(&mut *app.db.acquire().await?, app.clock.now()).await?)
}

fn claiming(app: &App) -> Claiming {
    let now = app.clock.now();
    Claiming { now, until: now + CLAIMED_FOR, most: AT_ONCE }
}
