//! Our copy of what runs are called.

use sqlx::PgConnection;

use crate::domain::id::RunId;

/// Keeps what is newer than what we have.
pub async fn keep(conn: &mut PgConnection, run: RunId, version: i64, title: &str) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into runs (run_id, version, title)
         values ($1, $2, $3)
         on conflict on constraint runs_pk do update
         set version = excluded.version,
             title = excluded.title
         where runs.version < excluded.version",
    )
    .bind(run)
    .bind(version)
    .bind(title)
    .execute(conn)
    .await?;
    Ok(())
}

/// What a run is called, if it is known.
pub async fn title(conn: &mut PgConnection, run: RunId) -> Result<Option<String>, sqlx::Error> {
    sqlx::query_scalar("select title from runs where run_id = $1").bind(run).fetch_optional(conn).await
}
