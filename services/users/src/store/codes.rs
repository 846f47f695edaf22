//! One-time codes, one for each user and purpose.

use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::domain::{
    code::{IssuedCode, Purpose},
    id::UserId,
};

#[derive(sqlx::FromRow)]
struct Row {
    fingerprint: Vec<u8>,
    expires_at: OffsetDateTime,
    tries: i32,
    used_at: Option<OffsetDateTime>,
}

/// The code of a user, to try: nobody else tries it until the transaction ends.
pub async fn lock(conn: &mut PgConnection, user: UserId, purpose: Purpose) -> Result<Option<IssuedCode>, sqlx::Error> {
    let row: Option<Row> = sqlx::query_as(
        "select fingerprint, expires_at, tries, used_at
         from codes
         where user_id = $1
           and purpose = $2
         for update",
    )
    .bind(user)
    .bind(purpose)
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|Row { fingerprint, expires_at, tries, used_at }| IssuedCode {
        fingerprint,
        expires_at,
        tries,
        used_at,
    }))
}

/// Writes a code in place of an older one.
pub async fn issue(
    conn: &mut PgConnection,
    user: UserId,
    purpose: Purpose,
    code: &IssuedCode,
    now: OffsetDateTime,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into codes (user_id, purpose, fingerprint, issued_at, expires_at, tries, used_at)
         values ($1, $2, $3, $4, $5, $6, $7)
         on conflict on constraint codes_pk do update
         set fingerprint = excluded.fingerprint,
             issued_at = excluded.issued_at,
             expires_at = excluded.expires_at,
             tries = excluded.tries,
             used_at = excluded.used_at",
    )
    .bind(user)
    .bind(purpose)
    .bind(&code.fingerprint)
    .bind(now)
    .bind(code.expires_at)
    .bind(code.tries)
    .bind(code.used_at)
    .execute(conn)
    .await?;
    Ok(())
}

/// Remembers that a code was tried.
pub async fn tried(
    conn: &mut PgConnection,
    user: UserId,
    purpose: Purpose,
    code: &IssuedCode,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update codes
         set tries = $3,
             used_at = $4
         where user_id = $1
           and purpose = $2",
    )
    .bind(user)
    .bind(purpose)
    .bind(code.tries)
    .bind(code.used_at)
    .execute(conn)
    .await?;
    Ok(())
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
