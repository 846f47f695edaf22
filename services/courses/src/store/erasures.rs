//! Forgetting a learner: what the learner wrote and did goes, the pseudonymous ids and the facts of enrolments stay.

use sqlx::{PgConnection, PgExecutor};
use time::OffsetDateTime;

use crate::domain::id::LearnerId;

/// Remembers that the learner was erased; false if that was known.
pub async fn insert(conn: &mut PgConnection, learner: LearnerId, now: OffsetDateTime) -> Result<bool, sqlx::Error> {
    let written = sqlx::query(
        "insert into erased_learners (learner_id, erased_at)
         values ($1, $2)
         on conflict on constraint erased_learners_pk do nothing",
    )
    .bind(learner)
    .bind(now)
    .execute(conn)
    .await?;
    Ok(written.rows_affected() == 1)
}

pub async fn known(db: impl PgExecutor<'_>, learner: LearnerId) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("select exists (select from erased_learners where learner_id = $1)")
        .bind(learner)
        .fetch_one(db)
        .await
}

pub async fn delete_answers(conn: &mut PgConnection, learner: LearnerId) -> Result<(), sqlx::Error> {
    sqlx::query("delete from attempt_answers where learner_id = $1").bind(learner).execute(conn).await?;
    Ok(())
}

pub async fn delete_attempts(conn: &mut PgConnection, learner: LearnerId) -> Result<(), sqlx::Error> {
    sqlx::query("delete from quiz_attempts where learner_id = $1").bind(learner).execute(conn).await?;
    Ok(())
}

pub async fn delete_progress(conn: &mut PgConnection, learner: LearnerId) -> Result<(), sqlx::Error> {
    sqlx::query("delete from lesson_progress where learner_id = $1").bind(learner).execute(conn).await?;
    Ok(())
}

/// Notes are free text, so that anything may stand in them.
pub async fn clear_notes(conn: &mut PgConnection, learner: LearnerId) -> Result<(), sqlx::Error> {
    sqlx::query("update enrolment_changes set note = '' where learner_id = $1 and note <> ''")
        .bind(learner)
        .execute(conn)
        .await?;
    Ok(())
}
