//! Makes a run that only editors see.

use pg::{Claim, Idempotent};

use crate::{
    app::App,
    domain::{
        Refusal,
        id::{CourseId, RunId},
        run::{Run, RunPlan, RunState},
    },
    error::{Error, Result},
    store::{courses, runs},
};

pub async fn run(app: &App, key: Option<&Idempotent>, course: CourseId, plan: &RunPlan) -> Result<Run> {
    let now = app.clock.now();
    pg::transaction(&app.db, async |conn| {
        if let Some(key) = key
            && let Claim::Replay(made) = key.claim(conn, now).await?
        {
            return Ok::<_, Error>(runs::find(&mut *conn, RunId::from_uuid(made)).await?.ok_or(Refusal::RunNotFound)?);
        }
        let course = courses::find(&mut *conn, course).await?.ok_or(Refusal::CourseNotFound)?;
        course.state.editable()?;
        let run = Run {
            id: RunId::new(now),
            course: course.id,
            state: RunState::Draft,
            plan: plan.clone(),
            version: 0,
            revision: 1,
            created_at: now,
            updated_at: now,
        };
        runs::insert(conn, &run).await?;
        if let Some(key) = key {
            key.record(conn, run.id.uuid(), now).await?;
        }
        Ok(run)
    })
    .await
}
