//! Attempts at quizzes. Their answers live in `answers`.

use std::collections::BTreeMap;

use sqlx::{PgConnection, PgExecutor, types::Json};
use time::OffsetDateTime;
use values::Record;

use crate::domain::{
    attempt::{Attempt, GRACE, Outcome},
    id::{AttemptId, CourseId, EnrolmentId, LearnerId, LessonId, QuestionId, RunId},
    progress::Key,
};

type Scores = Json<BTreeMap<QuestionId, u32>>;

/// Numbers and points have other types here, and the columns of an outcome are there together or not at all.
#[derive(Record)]
struct AttemptRow {
    learner_id: LearnerId,
    attempt_id: AttemptId,
    enrolment_id: EnrolmentId,
    course_id: CourseId,
    run_id: RunId,
    lesson_id: LessonId,
    version: i32,
    number: i32,
    started_at: OffsetDateTime,
    deadline: Option<OffsetDateTime>,
    max_score: i32,
    submitted_at: Option<OffsetDateTime>,
    timed_out: Option<bool>,
    score: Option<i32>,
    passed: Option<bool>,
    scores: Option<Scores>,
}

impl From<AttemptRow> for Attempt {
    fn from(row: AttemptRow) -> Self {
        let points = |number: i32| u32::try_from(number).unwrap_or(0);
        let outcome = match (row.submitted_at, row.timed_out, row.score, row.passed, row.scores) {
            (Some(submitted_at), Some(timed_out), Some(score), Some(passed), Some(Json(scores))) => {
                Some(Outcome { submitted_at, timed_out, score: points(score), passed, scores })
            }
            _ => None,
        };
        Self {
            id: row.attempt_id,
            learner: row.learner_id,
            enrolment: row.enrolment_id,
            course: row.course_id,
            run: row.run_id,
            lesson: row.lesson_id,
            version: row.version,
            number: row.number,
            started_at: row.started_at,
            deadline: row.deadline,
            max_score: points(row.max_score),
            outcome,
        }
    }
}

/// Points as they are stored: at most 100 questions of 1,000 points.
pub fn stored_points(points: u32) -> i32 {
    i32::try_from(points).unwrap_or(i32::MAX)
}

pub async fn insert(conn: &mut PgConnection, attempt: &Attempt) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into quiz_attempts (
             learner_id, attempt_id, enrolment_id, course_id, run_id, lesson_id, version, number, started_at, deadline,
             max_score
         )
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
    )
    .bind(attempt.learner)
    .bind(attempt.id)
    .bind(attempt.enrolment)
    .bind(attempt.course)
    .bind(attempt.run)
    .bind(attempt.lesson)
    .bind(attempt.version)
    .bind(attempt.number)
    .bind(attempt.started_at)
    .bind(attempt.deadline)
    .bind(stored_points(attempt.max_score))
    .execute(conn)
    .await?;
    Ok(())
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
    .bind(stored_points(outcome.score))
    .bind(outcome.passed)
    .bind(Json(&outcome.scores))
    .execute(conn)
    .await?;
    Ok(())
}

/// An attempt of the learner.
pub async fn find(db: impl PgExecutor<'_>, learner: LearnerId, id: AttemptId) -> Result<Option<Attempt>, sqlx::Error> {
    let row: Option<AttemptRow> = sqlx::query_as(pg::sql!(
        "select ",
        AttemptRow,
        " from quiz_attempts
         where learner_id = $1
           and attempt_id = $2"
    ))
    .bind(learner)
    .bind(id)
    .fetch_optional(db)
    .await?;
    Ok(row.map(Attempt::from))
}

/// The same, locked until the end of the transaction.
pub async fn lock(conn: &mut PgConnection, learner: LearnerId, id: AttemptId) -> Result<Option<Attempt>, sqlx::Error> {
    let row: Option<AttemptRow> = sqlx::query_as(pg::sql!(
        "select ",
        AttemptRow,
        " from quiz_attempts
         where learner_id = $1
           and attempt_id = $2
         for no key update"
    ))
    .bind(learner)
    .bind(id)
    .fetch_optional(conn)
    .await?;
    Ok(row.map(Attempt::from))
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
    let rows: Vec<AttemptRow> = sqlx::query_as(pg::sql!(
        "select ",
        AttemptRow,
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
    .await?;
    Ok(rows.into_iter().map(Attempt::from).collect())
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
