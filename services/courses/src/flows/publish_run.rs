//! Shows a run to learners with one version of the content.

use bus::By;

use crate::{
    announce,
    app::App,
    domain::{Refusal, id::RunId, run::Run},
    error::{Error, Result},
    store::{courses, runs, versions},
};

/// Version 0 stands for the newest.
pub async fn run(app: &App, actor: &str, id: RunId, version: i32) -> Result<Run> {
    let by = By { actor, now: app.clock.now() };
    pg::transaction(&app.db, async |conn| {
        let before = runs::lock(conn, id).await?.ok_or(Refusal::RunNotFound)?;
        let course = courses::find(&mut *conn, before.course).await?.ok_or(Refusal::CourseNotFound)?;
        course.state.editable()?;
        let version = match version {
            0 if course.latest_version == 0 => return Err(Error::from(Refusal::CourseNotPublished)),
            0 => course.latest_version,
            version => {
                let known = versions::find(&mut *conn, course.id, version).await?;
                known.ok_or(Refusal::VersionNotFound)?.version
            }
        };
        let run = before.clone().publish(version, by.now);
        if run != before {
            runs::update(conn, &run).await?;
            let outline = versions::outline(&mut *conn, course.id, version).await?.ok_or(Refusal::VersionNotFound)?;
            announce::run_published(conn, &run, &course, &outline, by).await?;
        }
        Ok(run)
    })
    .await
}
