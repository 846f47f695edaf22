//! What the staff does to an enrolment: pauses it, goes on with it, extends it, ends it.

use bus::By;
use time::OffsetDateTime;

use super::{enrol::save, settle_completion};
use crate::{
    announce,
    app::App,
    domain::{
        Refusal,
        enrolment::{Cause, Enrolment},
        id::EnrolmentId,
    },
    error::{Error, Result},
    store::{enrolments, runs},
};

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    Pause,
    Resume,
    Extend { until: OffsetDateTime },
    End,
}

pub async fn run(app: &App, actor: &str, id: EnrolmentId, change: Change, note: &str) -> Result<Enrolment> {
    let by = By { actor, now: app.clock.now() };
    let found = enrolments::find_for_staff(&app.db, id).await?.ok_or(Refusal::EnrolmentNotFound)?;
    let run = runs::find(&app.db, found.run).await?.ok_or(Refusal::RunNotFound)?;
    let outline = match change {
        Change::Resume if run.version > 0 => Some(app.outlines.get(&app.db, run.course, run.version).await?),
        _ => None,
    };
    pg::transaction(&app.db, async |conn| {
        enrolments::lock_learner(conn, found.learner).await?;
        let before = enrolments::lock(conn, found.learner, id).await?.ok_or(Refusal::EnrolmentNotFound)?;
        let live_before = before.state.live();
        let (after, cause) = match change {
            Change::Pause => (before.pause(by.now)?, Cause::PausedByStaff),
            Change::Resume => (before.resume(by.now)?, Cause::ResumedByStaff),
            Change::Extend { until } => (before.extend(until, by.now)?, Cause::ExtendedByStaff),
            Change::End => (before.withdraw(by.now)?, Cause::EndedByStaff),
        };
        save(conn, &after, cause, note, by).await?;
        match (live_before, after.state.live()) {
            (true, false) => announce::enrolment_ended(conn, &after, cause, by).await?,
            (false, true) => announce::enrolment_started(conn, &after, by).await?,
            _ => {}
        }
        // What was completed while the enrolment stood still counts now.
        match &outline {
            Some(outline) => Ok::<_, Error>(settle_completion::run(conn, after, outline, run.version, by).await?),
            None => Ok(after),
        }
    })
    .await
}
