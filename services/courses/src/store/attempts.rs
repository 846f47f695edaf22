//! Attempts at quizzes. Their answers live in `answers`.

use sqlx::{PgConnection, PgExecutor, types::Json};
use time::OffsetDateTime;
use values::record::Stored;

use crate::domain::{
    attempt::{Attempt, GRACE},
    id::{AttemptId, LearnerId},
    number::Unsigned,
    progress::Key,
};

pub async fn insert(conn: &mut PgConnection, attempt: &Attempt) -> Result<(), sqlx::Error> {
    pg::insert(conn, "quiz_attempts", attempt).await
}

/// Writes how an attempt came out; an attempt that is still open has nothing to write.
pub async fn close(conn: &mut PgConnection, attempt: &Attempt) -> Result<(), sqlx::Error> {
    let Some(outcome) = &attempt.outcome else { return Ok(()) };
    sqlx::query(
        "update quiz_attempts
         set submitted_at = $3,
             timed_out = $4,
             score = $5,
             passed = $6,
             scores = $7
         where learner_id = $1
           and attempt_id = $2
           and submitted_at is null",
    )
    .bind(attempt.learner)
    .bind(attempt.id)
    .bind(outcome.submitted_at)
    .bind(outcome.timed_out)
    .bind(Unsigned::stored(&outcome.score))
    .bind(outcome.passed)
    .bind(Json(&outcome.scores))
    .execute(conn)
    .await?;
    Ok(())
}

/// An attempt of the learner.
pub async fn find(db: impl PgExecutor<'_>, learner: LearnerId, id: AttemptId) -> Result<Option<Attempt>, sqlx::Error> {
    sqlx::query_as(pg::sql!(
        "select ",
        Attempt,
        " from quiz_attempts
         where learner_id = $1
           and attempt_id = $2"
    ))
    .bind(learner)
    .bind(id)
    .fetch_optional(db)
    .await
}

/// The same, locked until the end of the transaction.
pub async fn lock(conn: &mut PgConnection, learner: LearnerId, id: AttemptId) -> Result<Option<Attempt>, sqlx::Error> {
    sqlx::query_as(pg::sql!(
        "select ",
        Attempt,
        " from quiz_attempts
         where learner_id = $1
           and attempt_id = $2
         for no key update"
    ))
    .bind(learner)
    .bind(id)
    .fetch_optional(conn)
    .await
}

/// What was begun at a quiz.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Begun {
    pub count: i32,
    /// The open attempt.
    pub open: Option<AttemptId>,
    /// Whether any attempt passed.
    pub passed: bool,
}

pub async fn begun(db: impl PgExecutor<'_>, key: Key) -> Result<Begun, sqlx::Error> {
    let (count, open, passed): (i64, Option<AttemptId>, Option<bool>) = sqlx::query_as(
        "select count(*),
                (array_agg(attempt_id) filter (where submitted_at is null))[1],
                bool_or(passed)
         from quiz_attempts
         where learner_id = $1
           and enrolment_id = $2
           and lesson_id = $3",
    )
    .bind(key.learner)
    .bind(key.enrolment)
    .bind(key.lesson)
    .fetch_one(db)
    .await?;
    let count = i32::try_from(count).unwrap_or(i32::MAX);
    Ok(Begun { count, open, passed: passed.unwrap_or(false) })
}

/// The attempts at a quiz, the newest first.
pub async fn list(
    db: impl PgExecutor<'_>,
    key: Key,
    before: Option<i32>,
    limit: i64,
) -> Result<Vec<Attempt>, sqlx::Error> {
    sqlx::query_as(pg::sql!(
        "select ",
        Attempt,
        " from quiz_attempts
         where learner_id = $1
           and enrolment_id = $2
           and lesson_id = $3
           and number < $4
         order by number desc
         limit $5"
    ))
    .bind(key.learner)
    .bind(key.enrolment)
    .bind(key.lesson)
    .bind(before.unwrap_or(i32::MAX))
    .bind(limit)
    .fetch_all(db)
    .await
}

/// Open attempts whose time is up, for the job that hands them in.
pub async fn overdue(
    db: impl PgExecutor<'_>,
    now: OffsetDateTime,
    limit: i64,
) -> Result<Vec<(LearnerId, AttemptId)>, sqlx::Error> {
    sqlx::query_as(
        "select learner_id, attempt_id
         from quiz_attempts
         where submitted_at is null
           and deadline <= $1
         order by deadline
         limit $2",
    )
    .bind(now - GRACE)
    .bind(limit)
    .fetch_all(db)
    .await
}
