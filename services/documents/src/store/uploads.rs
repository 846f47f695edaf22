//! Uploads and what their parts were said to hold.

use pg::Lease;
use sqlx::PgConnection;
use time::OffsetDateTime;
use values::{
    Record,
    record::{self, Arguments, Column, Row},
};

use crate::domain::{
    Upload,
    id::{UploadId, UserId},
    upload::{Part, State, Way},
};

/// How long it is remembered what became of an upload.
const REMEMBERED: time::Duration = time::Duration::days(30);

/// At once with a checksum, or in parts of a size.
impl Record for Way {
    const COLUMNS: &'static [Column] = &[Column::of("sha256"), Column::of("part_size_bytes")];

    fn read(row: &Row<'_>) -> Result<Self, record::Error> {
        match (row.get("sha256")?, row.get("part_size_bytes")?) {
            (Some(sha256), None) => Ok(Self::AtOnce(sha256)),
            (None, Some(size)) => Ok(Self::InParts(size)),
            _ => Err(record::refused("an upload comes neither at once nor in parts")),
        }
    }

    fn bind(way: Option<&Self>, to: &mut Arguments) {
        to.add(way.and_then(|way| way.sha256()));
        to.add(way.and_then(|way| way.part_size()));
    }
}

/// Lets one transaction at a time open, end or erase uploads of a person.
pub async fn lock_owner(conn: &mut PgConnection, owner: UserId) -> Result<(), sqlx::Error> {
    sqlx::query("select pg_advisory_xact_lock(hashtextextended('uploads:' || $1::text, 0))")
        .bind(owner)
        .execute(conn)
        .await?;
    Ok(())
}

/// How many uploads of a person are open.
pub async fn open_of(conn: &mut PgConnection, owner: UserId, now: OffsetDateTime) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("select count(*) from uploads where owner_id = $1 and state = 'open' and expires_at > $2")
        .bind(owner)
        .bind(now)
        .fetch_one(conn)
        .await
}

/// Writes a new upload.
pub async fn insert(conn: &mut PgConnection, upload: &Upload) -> Result<(), sqlx::Error> {
    pg::insert(conn, "uploads", upload).await
}

/// An upload of this person.
pub async fn of(conn: &mut PgConnection, id: UploadId, owner: UserId) -> Result<Option<Upload>, sqlx::Error> {
    let select = pg::sql!("select ", Upload, " from uploads where upload_id = $1 and owner_id = $2");
    sqlx::query_as(select).bind(id).bind(owner).fetch_optional(conn).await
}

/// The same, locked until the transaction ends.
pub async fn lock(conn: &mut PgConnection, id: UploadId, owner: UserId) -> Result<Option<Upload>, sqlx::Error> {
    let select = pg::sql!("select ", Upload, " from uploads where upload_id = $1 and owner_id = $2 for update");
    sqlx::query_as(select).bind(id).bind(owner).fetch_optional(conn).await
}

/// Every open upload of a person, locked.
pub async fn lock_open_of(conn: &mut PgConnection, owner: UserId) -> Result<Vec<Upload>, sqlx::Error> {
    let select = pg::sql!("select ", Upload, " from uploads where owner_id = $1 and state = 'open' for update");
    sqlx::query_as(select).bind(owner).fetch_all(conn).await
}

/// Open uploads whose time is over, locked; those that somebody else has locked are left to them.
pub async fn lock_expired(conn: &mut PgConnection, lease: Lease) -> Result<Vec<Upload>, sqlx::Error> {
    let select = pg::sql!(
        "select ",
        Upload,
        " from uploads
         where state = 'open' and expires_at <= $1
         order by expires_at
         limit $2
         for update skip locked"
    );
    sqlx::query_as(select).bind(lease.now).bind(lease.limit).fetch_all(conn).await
}

/// Ends an upload.
pub async fn end(conn: &mut PgConnection, id: UploadId, state: State) -> Result<(), sqlx::Error> {
    pg::row(&state).key("upload_id", id).update(conn, "uploads").await
}

/// Writes the store's id of an open upload in parts, unless it has one, and says which it is; `None` if the upload is
/// over.
pub async fn keep_store_id(
    conn: &mut PgConnection,
    id: UploadId,
    store_id: &str,
) -> Result<Option<String>, sqlx::Error> {
    sqlx::query_scalar(
        "update uploads
         set store_upload_id = coalesce(store_upload_id, $2)
         where upload_id = $1 and state = 'open'
         returning store_upload_id",
    )
    .bind(id)
    .bind(store_id)
    .fetch_optional(conn)
    .await
}

/// Writes that the first parts were read again.
pub async fn keep_checked(conn: &mut PgConnection, id: UploadId, parts: i32) -> Result<(), sqlx::Error> {
    sqlx::query("update uploads set checked_parts = greatest(checked_parts, $2) where upload_id = $1")
        .bind(id)
        .bind(parts)
        .execute(conn)
        .await?;
    Ok(())
}

/// Writes what parts are said to hold now.
pub async fn keep_parts(conn: &mut PgConnection, id: UploadId, parts: &[Part]) -> Result<(), sqlx::Error> {
    let numbers: Vec<i32> = parts.iter().map(|(number, _)| *number).collect();
    let sums: Vec<Vec<u8>> = parts.iter().map(|(_, sum)| sum.bytes().to_vec()).collect();
    sqlx::query(
        "insert into upload_parts (upload_id, number, sha256)
         select $1, number, sha256
         from unnest($2::integer[], $3::bytea[]) as parts (number, sha256)
         on conflict on constraint upload_parts_pk do update set sha256 = excluded.sha256",
    )
    .bind(id)
    .bind(numbers)
    .bind(sums)
    .execute(conn)
    .await?;
    Ok(())
}

/// What parts are said to hold, by number.
pub async fn parts(conn: &mut PgConnection, id: UploadId) -> Result<Vec<Part>, sqlx::Error> {
    sqlx::query_as("select number, sha256 from upload_parts where upload_id = $1 order by number")
        .bind(id)
        .fetch_all(conn)
        .await
}

/// Forgets what a person called files.
pub async fn forget_names(conn: &mut PgConnection, owner: UserId) -> Result<(), sqlx::Error> {
    sqlx::query("update uploads set name = '' where owner_id = $1").bind(owner).execute(conn).await?;
    Ok(())
}

/// Deletes uploads that have been over for long.
pub async fn forget_old(conn: &mut PgConnection, now: OffsetDateTime) -> Result<(), sqlx::Error> {
    sqlx::query("delete from uploads where state <> 'open' and created_at < $1")
        .bind(now - REMEMBERED)
        .execute(conn)
        .await?;
    Ok(())
}
