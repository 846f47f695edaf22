//! Changes a run by rules of the domain. Nobody else is told: showing a run to learners is `publish_run`.

use crate::{
    app::App,
    domain::{
        Refusal,
        course::check_etag,
        id::RunId,
        run::{Run, RunPlanPatch},
    },
    error::{Error, Result},
    store::runs,
};

/// Changes the dates, the pace or the title.
pub async fn update(app: &App, id: RunId, etag: Option<i64>, changes: RunPlanPatch) -> Result<Run> {
    let now = app.clock.now();
    change(app, id, |run| {
        check_etag(etag, run.revision)?;
        let plan = run.plan.clone().with(changes.clone()).checked()?;
        Ok(if plan == run.plan { run } else { run.replan(plan, now) })
    })
    .await
}

/// Stops offering it. Its learners keep what they have.
pub async fn close(app: &App, id: RunId) -> Result<Run> {
    let now = app.clock.now();
    change(app, id, |run| Ok(run.close(now))).await
}

/// Locks a run, decides, and saves what changed.
async fn change(app: &App, id: RunId, decide: impl Fn(Run) -> Result<Run>) -> Result<Run> {
    let decide = &decide;
    pg::transaction(&app.db, async |conn| {
        let before = runs::lock(conn, id).await?.ok_or(Refusal::RunNotFound)?;
        let run = decide(before.clone())?;
        if run != before {
            runs::update(conn, &run).await?;
        }
        Ok::<_, Error>(run)
    })
    .await
}
