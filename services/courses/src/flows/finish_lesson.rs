//! Marks a lesson as completed, once, and the course with it if it was the last one.

use bus::By;
use sqlx::PgConnection;

use super::settle_completion;
use crate::{
    announce,
    domain::{Refusal, outline::Outline, progress::Key},
    error::Result,
    store::{enrolments, progress},
};

/// The outline and its version are those that the run shows now: they say what is required.
pub(super) async fn run(conn: &mut PgConnection, key: Key, outline: &Outline, version: i32, by: By<'_>) -> Result<()> {
    let enrolment = enrolments::lock(conn, key.learner, key.enrolment).await?.ok_or(Refusal::EnrolmentNotFound)?;
    // An attempt may be graded after its enrolment ended; nothing is learnt then.
    if !enrolment.state.live() || !progress::complete(conn, key, by.now).await? {
        return Ok(());
    }
    let enrolment = enrolment.changed();
    enrolments::update(conn, &enrolment, by.now).await?;
    announce::lesson_completed(conn, &enrolment, key.lesson, by).await?;
    settle_completion::run(conn, enrolment, outline, version, by).await?;
    Ok(())
}
