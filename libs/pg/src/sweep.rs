//! Deleting what is old, a little at a time, so that nobody waits for it.

use sqlx::AssertSqlSafe;
use time::OffsetDateTime;

use crate::Pool;

/// How many rows one statement deletes.
const AT_ONCE: i64 = 1_000;

/// Where old rows are, by names that stand in the code: never a text from outside.
#[derive(Debug, Clone, Copy)]
pub struct Old {
    /// The table.
    pub table: &'static str,
    /// Its column that tells a row's age; it should have an index.
    pub column: &'static str,
}

/// Deletes the rows of that instant and before, and says how many there were.
///
/// # Errors
///
/// The database's; what was deleted before stays deleted.
pub async fn delete_before(pool: &Pool, old: Old, instant: OffsetDateTime) -> Result<u64, sqlx::Error> {
    let Old { table, column } = old;
    let statement = format!(
        "delete from {table}
         where ctid = any(array(
             select ctid
             from {table}
             where {column} <= $1
             limit $2
         ))"
    );
    let mut deleted = 0;
    loop {
        let statement = sqlx::query(AssertSqlSafe(statement.clone())).bind(instant).bind(AT_ONCE);
        let gone = statement.execute(pool).await?.rows_affected();
        deleted += gone;
        if gone == 0 {
            return Ok(deleted);
        }
    }
}
