//! What is done from time to time: each job calls a flow, and may run on several replicas at once. A crash leaves a
//! lease that runs out.

pub mod copier;
pub mod paper;
pub mod printer;

use std::time::Duration;

use pg::Lease;
use service::Jobs;

use crate::{
    App, Error,
    flows::{delete_object, expire_uploads, measure},
    store,
};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);

/// Rows that one run claims.
const AT_ONCE: i64 = 50;
/// Longer than the calls of one run take; a store that answers nothing holds them up no longer than this.
const LEASED_FOR: time::Duration = time::Duration::minutes(30);

pub fn jobs() -> Jobs<App> {
    Jobs::new()
        .every(MINUTE, "expire-uploads", expire)
        .every(10 * SECOND, "delete-objects", delete)
        .every(15 * SECOND, "measure", measure::run)
        .every(15 * SECOND, "give-up-waiting", paper::give_up_waiting)
        .every(5 * MINUTE, "expire-papers", paper::expire_papers)
        .every(5 * MINUTE, "renew-standings", paper::renew_standings)
        .every(HOUR, "forget-answers", paper::forget_answers)
        .every(HOUR, "forget-uploads", forget_uploads)
}

/// Ends uploads that nobody completed in time.
pub async fn expire(app: &App) -> Result<(), Error> {
    while expire_uploads::run(app, lease(app)).await? > 0 {}
    Ok(())
}

/// Deletes objects that nobody needs any more. One that cannot be deleted comes again when its lease runs out, and
/// holds no other up.
pub async fn delete(app: &App) -> Result<(), Error> {
    let mut failed = None;
    while failed.is_none() {
        let due = store::deletions::claim_due(&mut *app.db.acquire().await?, lease(app)).await?;
        if due.is_empty() {
            break;
        }
        for deletion in &due {
            failed = delete_object::run(app, deletion).await.err().or(failed);
        }
    }
    measure::overdue(app).await?;
    failed.map_or(Ok(()), Err)
}

/// Forgets uploads that ended long ago.
async fn forget_uploads(app: &App) -> Result<(), Error> {
    Ok(store::uploads::forget_old(&mut *app.db.acquire().await?, app.clock.now()).await?)
}

fn lease(app: &App) -> Lease {
    Lease::new(app.clock.now(), LEASED_FOR, AT_ONCE)
}
