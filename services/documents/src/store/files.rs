//! Files, and who was erased.

use sqlx::{FromRow, PgConnection};
use time::OffsetDateTime;

use super::uploads::{content_type, kind, sha256};
use crate::domain::{
    file::{File, FileName, Kind},
    id::{FileId, UserId},
};

#[derive(FromRow)]
struct Row {
    file_id: FileId,
    owner_id: UserId,
    kind: String,
    name: String,
    content_type: String,
    size_bytes: i64,
    sha256: Option<Vec<u8>>,
    created_at: OffsetDateTime,
}

/// Selects files.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "select file_id, owner_id, kind, name, content_type, size_bytes, sha256, created_at
             from files ",
            $rest
        )
    };
}

fn read(row: Row) -> Result<File, sqlx::Error> {
    Ok(File {
        id: row.file_id,
        kind: kind(&row.kind)?,
        name: FileName::stored(row.name),
        content_type: content_type(&row.content_type)?,
        size: row.size_bytes,
        sha256: row.sha256.as_deref().map(sha256).transpose()?,
        owner: row.owner_id,
        created_at: row.created_at,
    })
}

/// Writes a file.
pub async fn insert(conn: &mut PgConnection, file: &File) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into files (file_id, owner_id, kind, name, content_type, size_bytes, sha256, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(file.id)
    .bind(file.owner)
    .bind(file.kind.as_str())
    .bind(file.name.as_str())
    .bind(file.content_type.as_str())
    .bind(file.size)
    .bind(file.sha256.as_ref().map(|sum| sum.bytes().as_slice()))
    .bind(file.created_at)
    .execute(conn)
    .await?;
    Ok(())
}

/// A file, if it is this person's; anybody's for no person, which only those may ask who read everybody's files.
pub async fn get(conn: &mut PgConnection, id: FileId, owner: Option<UserId>) -> Result<Option<File>, sqlx::Error> {
    let row: Option<Row> = sqlx::query_as(select!("where file_id = $1 and ($2::uuid is null or owner_id = $2)"))
        .bind(id)
        .bind(owner)
        .fetch_optional(conn)
        .await?;
    row.map(read).transpose()
}

/// A file of this person, held until the transaction ends.
pub async fn lock(conn: &mut PgConnection, id: FileId, owner: UserId) -> Result<Option<File>, sqlx::Error> {
    let row: Option<Row> = sqlx::query_as(select!("where file_id = $1 and owner_id = $2 for update"))
        .bind(id)
        .bind(owner)
        .fetch_optional(conn)
        .await?;
    row.map(read).transpose()
}

/// Files of a person, newest first.
pub async fn list_of(
    conn: &mut PgConnection,
    owner: UserId,
    kind: Option<Kind>,
    after: Option<FileId>,
    most: i64,
) -> Result<Vec<File>, sqlx::Error> {
    let rows: Vec<Row> = sqlx::query_as(select!(
        "where owner_id = $1
           and ($2::text is null or kind = $2)
           and ($3::uuid is null or file_id < $3)
         order by file_id desc
         limit $4"
    ))
    .bind(owner)
    .bind(kind.map(Kind::as_str))
    .bind(after)
    .bind(most)
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(read).collect()
}

/// Those of these files that are stored, in the order in which they are named.
pub async fn stored(conn: &mut PgConnection, ids: &[FileId]) -> Result<Vec<File>, sqlx::Error> {
    let rows: Vec<Row> = sqlx::query_as(select!("where file_id = any($1) order by array_position($1, file_id)"))
        .bind(ids)
        .fetch_all(conn)
        .await?;
    rows.into_iter().map(read).collect()
}

/// Whether every one of these is a paper of this person. They are held until the transaction ends, so that none is deleted meanwhile.
pub async fn are_papers_of(conn: &mut PgConnection, ids: &[FileId], owner: UserId) -> Result<bool, sqlx::Error> {
    let held: Vec<FileId> = sqlx::query_scalar(
        "select file_id
         from files
         where file_id = any($1) and owner_id = $2 and kind = 'paper'
         order by file_id
         for key share",
    )
    .bind(ids)
    .bind(owner)
    .fetch_all(conn)
    .await?;
    Ok(ids.iter().all(|id| held.contains(id)))
}

/// Deletes the row of a file.
pub async fn delete(conn: &mut PgConnection, id: FileId) -> Result<(), sqlx::Error> {
    sqlx::query("delete from files where file_id = $1").bind(id).execute(conn).await?;
    Ok(())
}

/// Deletes the rows of a person's own files and says which they were. Files of courses stay, without the name that the person gave.
pub async fn delete_own(conn: &mut PgConnection, owner: UserId) -> Result<Vec<File>, sqlx::Error> {
    let rows: Vec<Row> = sqlx::query_as(
        "delete from files
         where owner_id = $1 and kind in ('homework', 'paper')
         returning file_id, owner_id, kind, name, content_type, size_bytes, sha256, created_at",
    )
    .bind(owner)
    .fetch_all(&mut *conn)
    .await?;
    sqlx::query("update files set name = '' where owner_id = $1").bind(owner).execute(conn).await?;
    rows.into_iter().map(read).collect()
}

/// Remembers that a person was erased.
pub async fn erase_owner(conn: &mut PgConnection, owner: UserId, now: OffsetDateTime) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into erased_owners (owner_id, erased_at)
         values ($1, $2)
         on conflict on constraint erased_owners_pk do nothing",
    )
    .bind(owner)
    .bind(now)
    .execute(conn)
    .await?;
    Ok(())
}

/// Whether a person was erased.
pub async fn is_erased(conn: &mut PgConnection, owner: UserId) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("select exists (select from erased_owners where owner_id = $1)")
        .bind(owner)
        .fetch_one(conn)
        .await
}
