//! The copy of published runs.

use std::collections::HashMap;

use sqlx::PgConnection;

use crate::domain::{CourseId, RunId};

/// What a product's grant shows of a run.
#[derive(Debug, Clone, PartialEq, Eq, values::Record)]
pub struct Run {
    #[record(name = "run_id")]
    pub id: RunId,
    #[record(name = "course_id")]
    pub course: CourseId,
    pub title: String,
    pub language: String,
}

/// Keeps a run unless a later version of it is known.
pub async fn keep(conn: &mut PgConnection, run: &Run, version: i64) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into runs (run_id, course_id, title, language, version)
         values ($1, $2, $3, $4, $5)
         on conflict on constraint runs_pk do update
         set course_id = excluded.course_id,
             title = excluded.title,
             language = excluded.language,
             version = excluded.version
         where runs.version < excluded.version",
    )
    .bind(run.id)
    .bind(run.course)
    .bind(&run.title)
    .bind(&run.language)
    .bind(version)
    .execute(conn)
    .await?;
    Ok(())
}

/// Those of the runs that are known.
pub async fn known(conn: &mut PgConnection, ids: &[RunId]) -> Result<HashMap<RunId, Run>, sqlx::Error> {
    let runs: Vec<Run> =
        sqlx::query_as(pg::sql!("select ", Run, " from runs where run_id = any($1)")).bind(ids).fetch_all(conn).await?;
    Ok(runs.into_iter().map(|run| (run.id, run)).collect())
}
