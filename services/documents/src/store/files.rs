//! Files, and who was erased.

use sqlx::{PgConnection, QueryBuilder};
use time::OffsetDateTime;

use crate::domain::{
    File,
    file::Kind,
    id::{FileId, UserId},
};

/// Writes a file.
pub async fn insert(conn: &mut PgConnection, file: &File) -> Result<(), sqlx::Error> {
    pg::insert(conn, "files", file).await
}

/// Anybody's file.
pub async fn any(conn: &mut PgConnection, id: FileId) -> Result<Option<File>, sqlx::Error> {
    let select = pg::sql!("select ", File, " from files where file_id = $1");
    sqlx::query_as(select).bind(id).fetch_optional(conn).await
}

/// A file, if it is this person's; anybody's for no person, which only those may ask who read everybody's files.
pub async fn get(conn: &mut PgConnection, id: FileId, owner: Option<UserId>) -> Result<Option<File>, sqlx::Error> {
    Ok(any(conn, id).await?.filter(|file| owner.is_none_or(|owner| owner == file.owner)))
}

/// A file of this person, locked until the transaction ends.
pub async fn lock(conn: &mut PgConnection, id: FileId, owner: UserId) -> Result<Option<File>, sqlx::Error> {
    let select = pg::sql!("select ", File, " from files where file_id = $1 and owner_id = $2 for update");
    sqlx::query_as(select).bind(id).bind(owner).fetch_optional(conn).await
}

/// Files of a person, newest first.
pub async fn list_of(
    conn: &mut PgConnection,
    owner: UserId,
    kind: Option<Kind>,
    after: Option<FileId>,
    limit: i64,
) -> Result<Vec<File>, sqlx::Error> {
    let mut query = QueryBuilder::new(pg::sql!("select ", File, " from files where owner_id = "));
    query.push_bind(owner);
    if let Some(kind) = kind {
        query.push(" and kind = ").push_bind(kind);
    }
    if let Some(after) = after {
        query.push(" and file_id < ").push_bind(after);
    }
    query.push(" order by file_id desc limit ").push_bind(limit);
    query.build_query_as().fetch_all(conn).await
}

/// Those of these files that are stored, in the order in which they are named.
pub async fn stored(conn: &mut PgConnection, ids: &[FileId]) -> Result<Vec<File>, sqlx::Error> {
    let select = pg::sql!("select ", File, " from files where file_id = any($1) order by array_position($1, file_id)");
    sqlx::query_as(select).bind(ids).fetch_all(conn).await
}

/// Whether every one of these is a paper of this person. They are locked until the transaction ends, so that none is
/// deleted meanwhile.
pub async fn are_papers_of(conn: &mut PgConnection, ids: &[FileId], owner: UserId) -> Result<bool, sqlx::Error> {
    let locked: Vec<FileId> = sqlx::query_scalar(
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
    Ok(ids.iter().all(|id| locked.contains(id)))
}

/// Deletes the row of a file.
pub async fn delete(conn: &mut PgConnection, id: FileId) -> Result<(), sqlx::Error> {
    sqlx::query("delete from files where file_id = $1").bind(id).execute(conn).await?;
    Ok(())
}

/// Deletes the rows of a person's own files and says which they were. Files of courses stay, without the name that the
/// person gave.
pub async fn delete_own(conn: &mut PgConnection, owner: UserId) -> Result<Vec<File>, sqlx::Error> {
    let delete = pg::sql!("delete from files where owner_id = $1 and kind in ('homework', 'paper') returning ", File);
    let deleted = sqlx::query_as(delete).bind(owner).fetch_all(&mut *conn).await?;
    sqlx::query("update files set name = '' where owner_id = $1").bind(owner).execute(conn).await?;
    Ok(deleted)
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
