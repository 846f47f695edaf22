//! Hands an attempt in and grades it, by the learner's wish or because its time is up.

use bus::By;
use failpoint::failpoint;
use sqlx::{PgConnection, PgExecutor};

use super::finish_lesson;
use crate::{
    app::App,
    domain::{
        Refusal,
        attempt::Attempt,
        content::Content,
        grading::grade,
        id::{AttemptId, CourseId, LearnerId, LessonId},
        outline::Outline,
        quiz::Quiz,
    },
    error::{Error, Result},
    store::{answers, attempts, enrolments, progress, runs, versions},
};

/// Handing in what was handed in changes nothing.
pub async fn run(app: &App, actor: &str, learner: LearnerId, id: AttemptId) -> Result<()> {
    let by = By { actor, now: app.clock.now() };
    let attempt = attempts::find(&app.db, learner, id).await?.ok_or(Refusal::AttemptNotFound)?;
    if attempt.outcome.is_some() {
        return Ok(());
    }
    let run = runs::find(&app.db, attempt.run).await?.ok_or(Refusal::RunNotFound)?;
    let outline = app.outlines.get(&app.db, run.course, run.version).await?;
    pg::transaction(&app.db, async |conn| {
        // The enrolment before the attempt, as everywhere, so that nobody waits in a circle.
        enrolments::lock(conn, learner, attempt.enrolment).await?.ok_or(Refusal::EnrolmentNotFound)?;
        let attempt = attempts::lock(conn, learner, id).await?.ok_or(Refusal::AttemptNotFound)?;
        close(conn, attempt, &outline, run.version, by).await
    })
    .await?;
    failpoint!("attempt.submitted");
    Ok(())
}

/// Grades an attempt that the transaction holds. The outline and its version are those that the run shows now.
pub(super) async fn close(
    conn: &mut PgConnection,
    attempt: Attempt,
    outline: &Outline,
    version: i32,
    by: By<'_>,
) -> Result<()> {
    if attempt.outcome.is_some() {
        return Ok(());
    }
    let quiz = quiz(&mut *conn, attempt.course, attempt.version, attempt.lesson).await?;
    let given = answers::latest(&mut *conn, attempt.learner, attempt.id).await?;
    let grade = grade(&quiz, &given);
    let (score, max_score, passed) = (grade.score, grade.max_score, grade.passed);
    let attempt = attempt.close(grade, by.now);
    attempts::close(conn, &attempt).await?;
    let key = attempt.key();
    progress::begin(conn, key, by.now).await?;
    progress::save_best(conn, key, score, max_score).await?;
    if passed {
        finish_lesson::run(conn, key, outline, version, by).await?;
    }
    Ok(())
}

/// The quiz of a lesson as one version has it.
pub async fn quiz(db: impl PgExecutor<'_>, course: CourseId, version: i32, lesson: LessonId) -> Result<Quiz> {
    match versions::content(db, course, version, lesson).await? {
        Some(Content::Quiz(quiz)) => Ok(quiz),
        Some(_) => Err(Refusal::NotAQuiz.into()),
        None => Err(Error::from(Refusal::LessonNotFound)),
    }
}
