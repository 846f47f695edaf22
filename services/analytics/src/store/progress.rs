//! How far events were heard, and from when on they are kept; and the lock between hearing and counting anew.

use sqlx::PgConnection;
use time::OffsetDateTime;

/// The advisory lock between those who hear and whoever counts anew, "rollups" in ASCII.
const LOCK: i64 = 0x72_6f6c_6c75_7073;

/// The latest moment of which every event that had arrived by then is counted; none before the first event.
pub async fn as_of(conn: &mut PgConnection) -> Result<Option<OffsetDateTime>, sqlx::Error> {
    sqlx::query_scalar("select complete_until from progress").fetch_one(conn).await
}

/// Remembers how far events were heard; it never goes back.
pub async fn heard_until(conn: &mut PgConnection, until: OffsetDateTime) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update progress
         set complete_until = $1
         where complete_until is null or complete_until < $1",
    )
    .bind(until)
    .execute(conn)
    .await?;
    Ok(())
}

/// Before when everything is final; none while every event is kept.
pub async fn final_before(conn: &mut PgConnection) -> Result<Option<OffsetDateTime>, sqlx::Error> {
    sqlx::query_scalar("select final_before from progress").fetch_one(conn).await
}

/// Declares everything before an instant final; it never goes back.
pub async fn finish_before(conn: &mut PgConnection, before: OffsetDateTime) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update progress
         set final_before = $1
         where final_before is null or final_before < $1",
    )
    .bind(before)
    .execute(conn)
    .await?;
    Ok(())
}

/// Until the end of the transaction nobody counts anew. Whoever waits for it longer than `lock_timeout` fails as if the database was busy.
pub async fn lock_to_hear(conn: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::query("select pg_advisory_xact_lock_shared($1)").bind(LOCK).execute(conn).await?;
    Ok(())
}

/// Until the end of the transaction nobody hears anything, or counts anew beside us.
pub async fn lock_to_recount(conn: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::query("select pg_advisory_xact_lock($1)").bind(LOCK).execute(conn).await?;
    Ok(())
}

/// Until the end of the transaction its statements may take as long as they need.
pub async fn take_long(conn: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::query("set local statement_timeout = 0").execute(conn).await?;
    Ok(())
}
