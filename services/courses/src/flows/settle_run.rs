//! Completes the enrolments that a newer version of the content made complete: it may require fewer lessons.

use bus::By;

use crate::{
    app::App,
    domain::{id::RunId, progress::CourseProgress},
    error::{Error, Result},
    store::{enrolments, runs, seats},
};

use super::settle_completion;

const BATCH: i64 = 200;

/// Looks through every active enrolment of a run and then notes that its version was looked at. Safe to do twice.
pub async fn run(app: &App, id: RunId) -> Result<()> {
    let Some(run) = runs::find(&app.db, id).await? else { return Ok(()) };
    let outline = app.outlines.get(&app.db, run.course, run.version).await?;
    let by = By { actor: "service:courses", now: app.clock.now() };
    let mut after = None;
    loop {
        let batch = seats::active_in_run(&app.db, id, after, BATCH).await?;
        let Some((last, _)) = batch.last() else { break };
        after = Some((last.learner, last.id));
        for (enrolment, done) in batch {
            if !CourseProgress::of(&outline, &done, Some(&enrolment)).all_done() {
                continue;
            }
            pg::transaction(&app.db, async |conn| {
                if let Some(enrolment) = enrolments::lock(conn, enrolment.learner, enrolment.id).await? {
                    settle_completion::run(conn, enrolment, &outline, run.version, by).await?;
                }
                Ok::<_, Error>(())
            })
            .await?;
        }
    }
    Ok(runs::mark_settled(&app.db, id, run.version).await?)
}

/// Does so for every run whose version is new.
pub async fn all(app: &App) -> Result<()> {
    for id in runs::unsettled(&app.db, BATCH).await? {
        run(app, id).await?;
    }
    Ok(())
}
