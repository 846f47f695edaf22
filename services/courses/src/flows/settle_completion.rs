//! Completes an enrolment whose required lessons are all completed. Called wherever that may have become true.

use bus::By;
use sqlx::PgConnection;

use super::enrol::save;
use crate::{
    announce,
    domain::{
        enrolment::{Cause, Enrolment},
        outline::Outline,
        progress::CourseProgress,
    },
    error::Result,
    store::progress,
};

/// The caller holds the enrolment's row, so that of two last lessons one sees the other.
pub(super) async fn run(
    conn: &mut PgConnection,
    enrolment: Enrolment,
    outline: &Outline,
    version: i32,
    by: By<'_>,
) -> Result<Enrolment> {
    let done = progress::completed(&mut *conn, enrolment.learner, enrolment.id).await?;
    if !CourseProgress::of(outline, &done, Some(&enrolment)).all_done() {
        return Ok(enrolment);
    }
    let Some(completed) = enrolment.clone().complete(by.now) else { return Ok(enrolment) };
    save(conn, &completed, Cause::CourseCompleted, "", by).await?;
    announce::course_completed(conn, &completed, version, by).await?;
    Ok(completed)
}
