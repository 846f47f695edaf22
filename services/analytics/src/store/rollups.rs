//! What reports are read from, kept as events come in: one row a thing and what is known of it, and the sums of a day.
//!
//! A fact is counted once however often it is told, and in any order: of moments the first (or last) one stays, whoever told it, and a
//! sum changes by what a row changed. A batch costs a handful of statements, not one a fact.

mod again;
mod learning;
mod people;
mod sales;
mod zone;

use sqlx::PgConnection;

use crate::domain::fact::Fact;

pub use again::forget_since;
pub use zone::{move_to_zone, zone};

/// The advisory lock of whoever writes here, "counting" in ASCII.
const LOCK: i64 = 0x63_6f75_6e74_696e;

/// Counts facts, each once however often it is told, in any order. The transaction holds the lock of those who write until its end.
pub async fn apply(conn: &mut PgConnection, facts: &[Fact]) -> Result<(), sqlx::Error> {
    sqlx::query("select pg_advisory_xact_lock($1)").bind(LOCK).execute(&mut *conn).await?;
    people::registered(conn, facts).await?;
    sales::placed(conn, facts).await?;
    sales::paid(conn, facts).await?;
    sales::refunded(conn, facts).await?;
    sales::granted(conn, facts).await?;
    learning::published(conn, facts).await?;
    learning::started(conn, facts).await?;
    learning::ended(conn, facts).await?;
    learning::finished(conn, facts).await?;
    learning::completed(conn, facts).await?;
    people::issued(conn, facts).await?;
    people::revoked(conn, facts).await
}

/// A day that lost all it had is as if it had never had anything.
async fn drop_empty_days(conn: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::query(
        "delete from daily_counts
         where registrations = 0
           and enrolments = 0
           and completions = 0
           and certificates = 0",
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Columns for `unnest`: one vector a column, filled from the facts of one kind.
macro_rules! columns {
    ($facts:expr, $pattern:pat => { $($column:ident: $value:expr),+ $(,)? }, $at:ident) => {
        $(let mut $column = Vec::new();)+
        let mut $at = Vec::new();
        for fact in $facts {
            if let $pattern = &fact.what {
                $($column.push($value);)+
                $at.push(fact.at);
            }
        }
    };
}
use columns;
