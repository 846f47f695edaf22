//! Changes the dates, the pace or the title of a run.

use super::change_run;
use crate::{
    app::App,
    domain::{
        course::check_etag,
        id::RunId,
        run::{Run, RunPlanPatch},
    },
    error::Result,
};

pub async fn run(app: &App, id: RunId, etag: Option<i64>, changes: RunPlanPatch) -> Result<Run> {
    let now = app.clock.now();
    change_run::run(app, id, |run| {
        check_etag(etag, run.revision)?;
        let plan = run.plan.clone().with(changes.clone()).checked()?;
        Ok(if plan == run.plan { run } else { run.replan(plan, now) })
    })
    .await
}
