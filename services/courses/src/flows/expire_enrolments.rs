//! Ends enrolments whose time is up.

use bus::By;

use super::enrol::save;
use crate::{
    announce,
    app::App,
    domain::{
        enrolment::Cause,
        id::{LearnerId, RunId},
    },
    error::{Error, Result},
    store::enrolments,
};

const BATCH: i64 = 200;

/// Ends all of them and says how many. Safe to do twice, also at once: each is checked once more under its lock.
pub async fn run(app: &App) -> Result<u64> {
    let mut ended = 0;
    loop {
        let overdue = enrolments::overdue(&app.db, app.clock.now(), BATCH).await?;
        if overdue.is_empty() {
            return Ok(ended);
        }
        for (learner, run) in overdue {
            ended += u64::from(expire(app, learner, run).await?);
        }
    }
}

async fn expire(app: &App, learner: LearnerId, run: RunId) -> Result<bool> {
    let by = By { actor: "service:courses", now: app.clock.now() };
    pg::transaction(&app.db, async |conn| {
        enrolments::lock_learner(conn, learner).await?;
        let current = enrolments::lock_live(conn, learner, run).await?;
        let Some(expired) = current.and_then(|enrolment| enrolment.expire(by.now)) else { return Ok(false) };
        save(conn, &expired, Cause::AccessEnded, "", by).await?;
        announce::enrolment_ended(conn, &expired, Cause::AccessEnded, by).await?;
        Ok::<_, Error>(true)
    })
    .await
}
