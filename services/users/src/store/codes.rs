//! One-time codes, one for each user and purpose.

use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::domain::{
    code::{IssuedCode, Purpose},
    id::UserId,
};

/// The code of a user, to try: nobody else tries it until the transaction ends.
pub async fn lock(conn: &mut PgConnection, user: UserId, purpose: Purpose) -> Result<Option<IssuedCode>, sqlx::Error> {
    sqlx::query_as(pg::sql!("select ", IssuedCode, " from codes where user_id = $1 and purpose = $2 for update"))
        .bind(user)
        .bind(purpose)
        .fetch_optional(conn)
        .await
}

/// Writes a code in place of an older one.
pub async fn issue(
    conn: &mut PgConnection,
    user: UserId,
    purpose: Purpose,
    code: &IssuedCode,
    now: OffsetDateTime,
) -> Result<(), sqlx::Error> {
    of(user, purpose, code).and("issued_at", now).keep(conn, "codes").await
}

/// Remembers that a code was tried.
pub async fn tried(
    conn: &mut PgConnection,
    user: UserId,
    purpose: Purpose,
    code: &IssuedCode,
) -> Result<(), sqlx::Error> {
    of(user, purpose, code).update(conn, "codes").await
}

fn of(user: UserId, purpose: Purpose, code: &IssuedCode) -> pg::Row {
    pg::row(code).key("user_id", user).key("purpose", purpose)
}

/// Deletes the codes of a user.
pub async fn forget(conn: &mut PgConnection, user: UserId) -> Result<(), sqlx::Error> {
    sqlx::query("delete from codes where user_id = $1").bind(user).execute(conn).await?;
    Ok(())
}

/// Deletes codes that expired before `before`.
pub async fn sweep(conn: &mut PgConnection, before: OffsetDateTime) -> Result<u64, sqlx::Error> {
    let swept = sqlx::query("delete from codes where expires_at < $1").bind(before).execute(conn).await?;
    Ok(swept.rows_affected())
}
