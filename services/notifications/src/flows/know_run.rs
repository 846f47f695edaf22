//! Keeps what runs are called, and says it.

use bus::Failure;
use sqlx::PgConnection;

use crate::domain::id::RunId;
use crate::error::Error;
use crate::store;

/// Keeps a title that is newer than ours.
pub async fn keep_run(conn: &mut PgConnection, run: RunId, version: i64, title: &str) -> Result<(), Error> {
    Ok(store::runs::keep(conn, run, version, title).await?)
}

/// What a run is called. It is announced before anybody can be enrolled, so an event about an unknown one came too early.
pub async fn run_title(conn: &mut PgConnection, run: RunId) -> Result<String, Failure> {
    let title = store::runs::title(conn, run).await?;
    title.ok_or_else(|| Failure::TooEarly(format!("run {run} is not known yet")))
}
