//! Runs.

use sqlx::{PgConnection, PgExecutor, QueryBuilder};
use uuid::Uuid;

use crate::domain::{
    id::{CourseId, RunId},
    run::{Run, RunState},
};

pub async fn insert(conn: &mut PgConnection, run: &Run) -> Result<(), sqlx::Error> {
    pg::insert(conn, "runs", run).await
}

pub async fn update(conn: &mut PgConnection, run: &Run) -> Result<(), sqlx::Error> {
    pg::update(conn, "runs", run).await
}

/// A run in any state.
pub async fn find(db: impl PgExecutor<'_>, id: RunId) -> Result<Option<Run>, sqlx::Error> {
    sqlx::query_as(pg::sql!("select ", Run, " from runs where run_id = $1")).bind(id).fetch_optional(db).await
}

/// The same, locked until the end of the transaction.
pub async fn lock(conn: &mut PgConnection, id: RunId) -> Result<Option<Run>, sqlx::Error> {
    sqlx::query_as(pg::sql!("select ", Run, " from runs where run_id = $1 for no key update"))
        .bind(id)
        .fetch_optional(conn)
        .await
}

/// The runs of a course in every state, the newest first, for editors.
pub async fn list(
    db: impl PgExecutor<'_>,
    course: CourseId,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Run>, sqlx::Error> {
    newest(db, course, None, after, limit).await
}

/// The published runs of a course, the newest first, for everybody.
pub async fn list_published(
    db: impl PgExecutor<'_>,
    course: CourseId,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Run>, sqlx::Error> {
    newest(db, course, Some(RunState::Published), after, limit).await
}

async fn newest(
    db: impl PgExecutor<'_>,
    course: CourseId,
    state: Option<RunState>,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Run>, sqlx::Error> {
    let mut query = QueryBuilder::new(pg::sql!("select ", Run, " from runs where course_id = "));
    query.push_bind(course);
    if let Some(state) = state {
        query.push(" and state = ").push_bind(state);
    }
    if let Some(after) = after {
        query.push(" and run_id < ").push_bind(after);
    }
    query.push(" order by run_id desc limit ").push_bind(limit);
    query.build_query_as().fetch_all(db).await
}

/// Runs whose present version was not looked through for learners who are done by it.
pub async fn unsettled(db: impl PgExecutor<'_>, limit: i64) -> Result<Vec<RunId>, sqlx::Error> {
    sqlx::query_scalar(
        "select run_id
         from runs
         where version is distinct from settled_version
         limit $1",
    )
    .bind(limit)
    .fetch_all(db)
    .await
}

pub async fn mark_settled(db: impl PgExecutor<'_>, id: RunId, version: i32) -> Result<(), sqlx::Error> {
    sqlx::query("update runs set settled_version = $2 where run_id = $1").bind(id).bind(version).execute(db).await?;
    Ok(())
}
