//! The inbox: which events had their effect here. The row is written in the transaction of the effect.

use pg::{Old, Pool};
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

/// For how long an event's repetitions are recognised.
const REMEMBERED: time::Duration = time::Duration::days(30);

/// Claims an event for the transaction; false when it had its effect before.
///
/// Two deliveries of one event at once: the second waits here until the first one's transaction has ended.
pub(crate) async fn claim(
    conn: &mut PgConnection,
    consumer: &str,
    event: Uuid,
    now: OffsetDateTime,
) -> Result<bool, sqlx::Error> {
    let claimed = sqlx::query(
        "insert into inbox (consumer, event_id, received_at)
         values ($1, $2, $3)
         on conflict on constraint inbox_pk do nothing",
    )
    .bind(consumer)
    .bind(event)
    .bind(now)
    .execute(conn)
    .await?;
    Ok(claimed.rows_affected() == 1)
}

/// Forgets events that were applied more than 30 days ago, and says how many.
///
/// Nothing is delivered again after so long: dead letters are events that were never applied.
///
/// # Errors
///
/// The database's; what was deleted before stays deleted.
pub async fn sweep(pool: &Pool, now: OffsetDateTime) -> Result<u64, sqlx::Error> {
    pg::delete_before(pool, Old { table: "inbox", column: "received_at" }, now - REMEMBERED).await
}
