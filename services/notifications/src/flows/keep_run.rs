//! Keeps what runs are called.

use sqlx::PgConnection;

use crate::domain::id::RunId;
use crate::error::Result;
use crate::store;

/// Keeps a title that is newer than ours.
pub async fn run(conn: &mut PgConnection, run: RunId, version: i64, title: &str) -> Result<()> {
    Ok(store::runs::keep(conn, run, version, title).await?)
}
