//! Forgets a learner: ends what is live, deletes what the learner wrote and did, keeps pseudonymous facts.

use bus::By;
use sqlx::PgConnection;

use super::enrol::save;
use crate::{
    announce,
    domain::{enrolment::Cause, id::LearnerId},
    error::Result,
    store::{enrolments, erasures},
};

/// Runs in the transaction of the event's inbox row.
pub async fn run(conn: &mut PgConnection, by: By<'_>, learner: LearnerId) -> Result<()> {
    enrolments::lock_learner(conn, learner).await?;
    if !erasures::insert(conn, learner, by.now).await? {
        return Ok(());
    }
    for enrolment in enrolments::lock_all_live(conn, learner).await? {
        let ended = enrolment.withdraw(by.now)?;
        save(conn, &ended, Cause::LearnerErased, "", by).await?;
        announce::enrolment_ended(conn, &ended, Cause::LearnerErased, by).await?;
    }
    erasures::delete_answers(conn, learner).await?;
    erasures::delete_attempts(conn, learner).await?;
    erasures::delete_progress(conn, learner).await?;
    erasures::clear_notes(conn, learner).await?;
    Ok(())
}
