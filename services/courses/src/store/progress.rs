//! How far learners got in lessons: one row a lesson that was begun.

use std::collections::BTreeSet;

use sqlx::{PgConnection, PgExecutor, postgres::PgRow};
use time::OffsetDateTime;
use values::{
    Record,
    record::{Row, Stored},
};

use crate::domain::{
    id::{EnrolmentId, LearnerId, LessonId},
    number::Unsigned,
    playback::Playback,
    progress::Key,
};

/// Everything that is known of a lesson that was begun.
#[derive(Debug, Clone, Record)]
pub struct Detail {
    #[record(with = Unsigned)]
    pub percent: u8,
    pub completed_at: Option<OffsetDateTime>,
    #[record(flatten)]
    pub playback: Option<Playback>,
    /// Points of the best attempt and those that were possible in it.
    #[record(skip)]
    pub best: Option<(i32, i32)>,
}

const SELECT: &str = pg::sql!(
    "select ",
    Detail,
    ", best_score, best_max_score
     from lesson_progress
     where learner_id = $1
       and enrolment_id = $2
       and lesson_id = $3"
);

fn detail(row: PgRow) -> Result<Detail, sqlx::Error> {
    let row = Row::of(&row);
    let (score, max_score): (Option<i32>, Option<i32>) = (row.get("best_score")?, row.get("best_max_score")?);
    Ok(Detail { best: score.zip(max_score), ..<Detail as Record>::read(&row)? })
}

pub async fn find(db: impl PgExecutor<'_>, key: Key) -> Result<Option<Detail>, sqlx::Error> {
    sqlx::query(SELECT).bind(key.learner).bind(key.enrolment).bind(key.lesson).try_map(detail).fetch_optional(db).await
}

/// The row, locked until the end of the transaction; call [`begin`] first, so that there is one to lock.
pub async fn lock(conn: &mut PgConnection, key: Key) -> Result<Detail, sqlx::Error> {
    sqlx::query(pg::sql!(const SELECT, " for no key update"))
        .bind(key.learner)
        .bind(key.enrolment)
        .bind(key.lesson)
        .try_map(detail)
        .fetch_one(conn)
        .await
}

/// Notes that the learner was in the lesson.
pub async fn begin(conn: &mut PgConnection, key: Key, now: OffsetDateTime) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into lesson_progress (learner_id, enrolment_id, lesson_id, percent, started_at, touched_at)
         values ($1, $2, $3, 0, $4, $4)
         on conflict on constraint lesson_progress_pk do update
         set touched_at = greatest(lesson_progress.touched_at, excluded.touched_at)",
    )
    .bind(key.learner)
    .bind(key.enrolment)
    .bind(key.lesson)
    .bind(now)
    .execute(conn)
    .await?;
    Ok(())
}

/// Writes how far a video was watched.
pub async fn save_playback(
    conn: &mut PgConnection,
    key: Key,
    playback: &Playback,
    percent: u8,
) -> Result<(), sqlx::Error> {
    pg::row(playback)
        .key("learner_id", key.learner)
        .key("enrolment_id", key.enrolment)
        .key("lesson_id", key.lesson)
        .and("percent", Unsigned::stored(&percent))
        .update(conn, "lesson_progress")
        .await
}

/// Writes the points of a graded attempt if they are the best so far, as a share of what was possible.
pub async fn save_best(conn: &mut PgConnection, key: Key, score: u32, max_score: u32) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update lesson_progress
         set best_score = $4,
             best_max_score = $5,
             percent = $4::bigint * 100 / $5
         where learner_id = $1
           and enrolment_id = $2
           and lesson_id = $3
           and (best_score is null or $4::bigint * best_max_score > best_score::bigint * $5)",
    )
    .bind(key.learner)
    .bind(key.enrolment)
    .bind(key.lesson)
    .bind(Unsigned::stored(&score))
    .bind(Unsigned::stored(&max_score))
    .execute(conn)
    .await?;
    Ok(())
}

/// Marks a lesson as completed; false if it was so before.
pub async fn complete(conn: &mut PgConnection, key: Key, now: OffsetDateTime) -> Result<bool, sqlx::Error> {
    let written = sqlx::query(
        "update lesson_progress
         set completed_at = $4
         where learner_id = $1
           and enrolment_id = $2
           and lesson_id = $3
           and completed_at is null",
    )
    .bind(key.learner)
    .bind(key.enrolment)
    .bind(key.lesson)
    .bind(now)
    .execute(conn)
    .await?;
    Ok(written.rows_affected() == 1)
}

/// A lesson that is completed by saying so has no other measure.
pub async fn fill(conn: &mut PgConnection, key: Key) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update lesson_progress
         set percent = 100
         where learner_id = $1
           and enrolment_id = $2
           and lesson_id = $3",
    )
    .bind(key.learner)
    .bind(key.enrolment)
    .bind(key.lesson)
    .execute(conn)
    .await?;
    Ok(())
}

/// The lessons that the learner completed in an enrolment.
pub async fn completed(
    db: impl PgExecutor<'_>,
    learner: LearnerId,
    enrolment: EnrolmentId,
) -> Result<BTreeSet<LessonId>, sqlx::Error> {
    let rows: Vec<LessonId> = sqlx::query_scalar(
        "select lesson_id
         from lesson_progress
         where learner_id = $1
           and enrolment_id = $2
           and completed_at is not null",
    )
    .bind(learner)
    .bind(enrolment)
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().collect())
}
