//! Objects that are to be deleted from the object store: a row first, the object later.
//!
//! Their table was released as `doomed_objects`.

use pg::Lease;
use sqlx::PgConnection;
use time::OffsetDateTime;

/// An object that is to be deleted.
#[derive(Debug, Clone, PartialEq, Eq, values::Record)]
pub struct PendingDeletion {
    #[record(name = "object_key")]
    pub key: String,
    /// The store's id of an upload in parts that is given up as well; empty for none.
    #[record(name = "store_upload_id")]
    pub store_id: String,
    /// When it is deleted for the last time, because nobody can write there any more.
    pub last_at: OffsetDateTime,
}

/// Has an object deleted soon, and once more when nobody can write it any more.
pub async fn insert(
    conn: &mut PgConnection,
    deletion: &PendingDeletion,
    delete_at: OffsetDateTime,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into doomed_objects (object_key, store_upload_id, delete_at, last_at)
         values ($1, $2, $3, $4)
         on conflict on constraint doomed_objects_pk do update
         set delete_at = least(doomed_objects.delete_at, excluded.delete_at),
             last_at = greatest(doomed_objects.last_at, excluded.last_at)",
    )
    .bind(&deletion.key)
    .bind(&deletion.store_id)
    .bind(delete_at)
    .bind(deletion.last_at)
    .execute(conn)
    .await?;
    Ok(())
}

/// Claims objects that are due.
pub async fn claim_due(conn: &mut PgConnection, lease: Lease) -> Result<Vec<PendingDeletion>, sqlx::Error> {
    sqlx::query_as(
        "update doomed_objects
         set delete_at = $2
         where (object_key, store_upload_id) in (
             select object_key, store_upload_id
             from doomed_objects
             where delete_at <= $1
             order by delete_at
             limit $3
             for update skip locked
         )
         returning object_key, store_upload_id, last_at",
    )
    .bind(lease.now)
    .bind(lease.until)
    .bind(lease.limit)
    .fetch_all(conn)
    .await
}

/// Writes that an object was deleted: for good if nobody could write there any more, else until its last time.
pub async fn deleted(
    conn: &mut PgConnection,
    deletion: &PendingDeletion,
    at: OffsetDateTime,
) -> Result<(), sqlx::Error> {
    sqlx::query("delete from doomed_objects where object_key = $1 and store_upload_id = $2 and last_at <= $3")
        .bind(&deletion.key)
        .bind(&deletion.store_id)
        .bind(at)
        .execute(&mut *conn)
        .await?;
    sqlx::query("update doomed_objects set delete_at = last_at where object_key = $1 and store_upload_id = $2")
        .bind(&deletion.key)
        .bind(&deletion.store_id)
        .execute(conn)
        .await?;
    Ok(())
}

/// How many objects are overdue.
pub async fn overdue(conn: &mut PgConnection, now: OffsetDateTime) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("select count(*) from doomed_objects where delete_at <= $1").bind(now).fetch_one(conn).await
}
