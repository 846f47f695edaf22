//! Changes the dates, the pace or the title of a run.

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

pub async fn run(app: &App, id: RunId, etag: Option<i64>, changes: RunPlanPatch) -> Result<Run> {
    let now = app.clock.now();
    pg::transaction(&app.db, async |conn| {
        let run = runs::lock(conn, id).await?.ok_or(Refusal::RunNotFound)?;
        check_etag(etag, run.revision)?;
        let plan = run.plan.clone().with(changes.clone()).checked()?;
        if plan == run.plan {
            return Ok::<_, Error>(run);
        }
        let run = run.replan(plan, now);
        runs::update(conn, &run).await?;
        Ok(run)
    })
    .await
}
