//! Uploads and what their parts were said to hold.

use sqlx::{FromRow, PgConnection};
use time::OffsetDateTime;

use super::Claiming;
use crate::domain::{
    content::ContentType,
    file::{FileName, Kind, Sha256},
    id::{FileId, UploadId, UserId},
    upload::{Mismatch, State, Upload, Way},
};

/// How long it is remembered what became of an upload.
const REMEMBERED: time::Duration = time::Duration::days(30);

#[derive(FromRow)]
struct Row {
    upload_id: UploadId,
    file_id: FileId,
    owner_id: UserId,
    kind: String,
    name: String,
    content_type: String,
    size_bytes: i64,
    sha256: Option<Vec<u8>>,
    part_size_bytes: Option<i64>,
    store_upload_id: Option<String>,
    checked_parts: i32,
    state: String,
    refused_reason: Option<String>,
    created_at: OffsetDateTime,
    expires_at: OffsetDateTime,
}

/// Selects uploads.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "select upload_id, file_id, owner_id, kind, name, content_type, size_bytes, sha256, part_size_bytes,
                    store_upload_id, checked_parts, state, refused_reason, created_at, expires_at
             from uploads ",
            $rest
        )
    };
}

fn broken(what: &'static str) -> sqlx::Error {
    sqlx::Error::Decode(format!("a stored {what} cannot be read").into())
}

pub(super) fn kind(name: &str) -> Result<Kind, sqlx::Error> {
    Kind::parse(name).ok_or_else(|| broken("kind of file"))
}

pub(super) fn content_type(name: &str) -> Result<ContentType, sqlx::Error> {
    ContentType::parse(name).map_err(|_| broken("content type"))
}

pub(super) fn sha256(bytes: &[u8]) -> Result<Sha256, sqlx::Error> {
    Ok(Sha256::new(bytes.try_into().map_err(|_| broken("checksum"))?))
}

fn read(row: Row) -> Result<Upload, sqlx::Error> {
    let reason = row.refused_reason.as_deref();
    let mismatch = reason.and_then(|reason| Mismatch::ALL.into_iter().find(|known| known.as_str() == reason));
    let state = match (row.state.as_str(), mismatch) {
        ("open", _) => State::Open,
        ("completed", _) => State::Completed,
        ("refused", Some(mismatch)) => State::Refused(mismatch),
        ("aborted", _) => State::Aborted,
        ("expired", _) => State::Expired,
        _ => return Err(broken("state of an upload")),
    };
    let way = match (row.sha256, row.part_size_bytes) {
        (Some(bytes), None) => Way::AtOnce(sha256(&bytes)?),
        (None, Some(part)) => Way::InParts(part),
        _ => return Err(broken("way of an upload")),
    };
    Ok(Upload {
        id: row.upload_id,
        file: row.file_id,
        owner: row.owner_id,
        kind: kind(&row.kind)?,
        name: FileName::stored(row.name),
        content_type: content_type(&row.content_type)?,
        size: row.size_bytes,
        way,
        store_id: row.store_upload_id,
        checked_parts: row.checked_parts,
        state,
        created_at: row.created_at,
        expires_at: row.expires_at,
    })
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
    let (sha256, part_size) = match &upload.way {
        Way::AtOnce(sha256) => (Some(sha256.bytes().as_slice()), None),
        Way::InParts(part) => (None, Some(*part)),
    };
    sqlx::query(
        "insert into uploads (
             upload_id, file_id, owner_id, kind, name, content_type, size_bytes, sha256, part_size_bytes, state,
             created_at, expires_at
         )
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
    )
    .bind(upload.id)
    .bind(upload.file)
    .bind(upload.owner)
    .bind(upload.kind.as_str())
    .bind(upload.name.as_str())
    .bind(upload.content_type.as_str())
    .bind(upload.size)
    .bind(sha256)
    .bind(part_size)
    .bind(upload.state.as_str())
    .bind(upload.created_at)
    .bind(upload.expires_at)
    .execute(conn)
    .await?;
    Ok(())
}

/// An upload of this person.
pub async fn of(conn: &mut PgConnection, id: UploadId, owner: UserId) -> Result<Option<Upload>, sqlx::Error> {
    let row: Option<Row> = sqlx::query_as(select!("where upload_id = $1 and owner_id = $2"))
        .bind(id)
        .bind(owner)
        .fetch_optional(conn)
        .await?;
    row.map(read).transpose()
}

/// The same, held until the transaction ends.
pub async fn lock(conn: &mut PgConnection, id: UploadId, owner: UserId) -> Result<Option<Upload>, sqlx::Error> {
    let row: Option<Row> = sqlx::query_as(select!("where upload_id = $1 and owner_id = $2 for update"))
        .bind(id)
        .bind(owner)
        .fetch_optional(conn)
        .await?;
    row.map(read).transpose()
}

/// Every open upload of a person, held.
pub async fn lock_open_of(conn: &mut PgConnection, owner: UserId) -> Result<Vec<Upload>, sqlx::Error> {
    let rows: Vec<Row> = sqlx::query_as(select!("where owner_id = $1 and state = 'open' for update"))
        .bind(owner)
        .fetch_all(conn)
        .await?;
    rows.into_iter().map(read).collect()
}

/// Open uploads whose time is over, held; those that somebody else holds are left to them.
pub async fn lock_expired(conn: &mut PgConnection, claiming: Claiming) -> Result<Vec<Upload>, sqlx::Error> {
    let rows: Vec<Row> = sqlx::query_as(select!(
        "where state = 'open' and expires_at <= $1
         order by expires_at
         limit $2
         for update skip locked"
    ))
    .bind(claiming.now)
    .bind(claiming.most)
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(read).collect()
}

/// Ends an upload.
pub async fn end(conn: &mut PgConnection, id: UploadId, state: State) -> Result<(), sqlx::Error> {
    sqlx::query("update uploads set state = $2, refused_reason = $3 where upload_id = $1")
        .bind(id)
        .bind(state.as_str())
        .bind(state.mismatch().map(Mismatch::as_str))
        .execute(conn)
        .await?;
    Ok(())
}

/// Writes the store's id of an open upload in parts, unless it has one, and says which it is; `None` if the upload is over.
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
pub async fn keep_parts(conn: &mut PgConnection, id: UploadId, parts: &[(i32, Sha256)]) -> Result<(), sqlx::Error> {
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
pub async fn parts(conn: &mut PgConnection, id: UploadId) -> Result<Vec<(i32, Sha256)>, sqlx::Error> {
    let rows: Vec<(i32, Vec<u8>)> =
        sqlx::query_as("select number, sha256 from upload_parts where upload_id = $1 order by number")
            .bind(id)
            .fetch_all(conn)
            .await?;
    rows.into_iter().map(|(number, sum)| Ok((number, sha256(&sum)?))).collect()
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
