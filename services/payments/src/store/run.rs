//! The copy of published runs.

use std::collections::HashMap;

use sqlx::{FromRow, PgConnection};

use crate::domain::{CourseId, RunId};

/// What a product's grant shows of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    pub id: RunId,
    pub course: CourseId,
    pub title: String,
    pub language: String,
}

#[derive(FromRow)]
struct Row {
    run_id: RunId,
    course_id: CourseId,
    title: String,
    language: String,
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
    let rows: Vec<Row> = sqlx::query_as(
        "select run_id, course_id, title, language
         from runs
         where run_id = any($1)",
    )
    .bind(ids)
    .fetch_all(conn)
    .await?;
    let run = |row: Row| Run { id: row.run_id, course: row.course_id, title: row.title, language: row.language };
    Ok(rows.into_iter().map(|row| (row.run_id, run(row))).collect())
}
