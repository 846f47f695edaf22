//! The clockwork: each job calls a flow, and may run on several replicas at once.

use std::{sync::Arc, time::Duration};

use chassis::Runtime;

use crate::{
    app::App,
    flows::{expire_enrolments, settle_run, submit_overdue},
};

/// Access is locked by the clock; this only writes it down and tells the others.
const EXPIRE_EVERY: Duration = Duration::from_secs(60);
/// Learners wait for the grade of a quiz whose time is up.
const SUBMIT_EVERY: Duration = Duration::from_secs(5);
const SETTLE_EVERY: Duration = Duration::from_secs(15);
const SWEEP_EVERY: Duration = Duration::from_secs(60 * 60);

pub fn start(runtime: &Runtime, app: &Arc<App>) {
    let expiring = Arc::clone(app);
    runtime.job("expire-enrolments", EXPIRE_EVERY, move || {
        let app = Arc::clone(&expiring);
        async move { expire_enrolments::run(&app).await.map(drop) }
    });
    let submitting = Arc::clone(app);
    runtime.job("submit-overdue-attempts", SUBMIT_EVERY, move || {
        let app = Arc::clone(&submitting);
        async move { submit_overdue::run(&app).await.map(drop) }
    });
    let settling = Arc::clone(app);
    runtime.job("settle-runs", SETTLE_EVERY, move || {
        let app = Arc::clone(&settling);
        async move { settle_run::all(&app).await }
    });
    let sweeping = Arc::clone(app);
    runtime.job("sweep", SWEEP_EVERY, move || {
        let app = Arc::clone(&sweeping);
        async move { sweep(&app).await }
    });
}

async fn sweep(app: &App) -> Result<(), sqlx::Error> {
    pg::idempotency::sweep(&app.db, app.clock.now()).await?;
    bus::sweep(&app.db, app.clock.now()).await?;
    Ok(())
}
