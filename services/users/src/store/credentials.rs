//! How people prove who they are: password hashes, in PHC's text form.

use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::domain::id::UserId;

/// A user's password, as far as we know it.
#[derive(Debug, Clone, PartialEq, Eq, values::Record)]
pub struct Credential {
    pub password_hash: String,
    /// Tells one password from the next, also where the same one is hashed again.
    pub revision: i64,
}

/// The password of a user.
pub async fn find(conn: &mut PgConnection, user: UserId) -> Result<Option<Credential>, sqlx::Error> {
    sqlx::query_as(pg::sql!("select ", Credential, " from credentials where user_id = $1"))
        .bind(user)
        .fetch_optional(conn)
        .await
}

/// Whether a user still has the password of this revision.
pub async fn is_current(conn: &mut PgConnection, user: UserId, revision: i64) -> Result<bool, sqlx::Error> {
    let found = find(conn, user).await?;
    Ok(found.is_some_and(|found| found.revision == revision))
}

/// Gives a user another password.
pub async fn set_password(
    conn: &mut PgConnection,
    user: UserId,
    hash: &str,
    now: OffsetDateTime,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into credentials (user_id, password_hash, revision, changed_at)
         values ($1, $2, 1, $3)
         on conflict on constraint credentials_pk do update
         set password_hash = excluded.password_hash,
             revision = credentials.revision + 1,
             changed_at = excluded.changed_at",
    )
    .bind(user)
    .bind(hash)
    .bind(now)
    .execute(conn)
    .await?;
    Ok(())
}

/// Replaces the hash of a user's password by another one of the same password.
pub async fn rehash(conn: &mut PgConnection, user: UserId, hash: &str) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update credentials
         set password_hash = $2
         where user_id = $1",
    )
    .bind(user)
    .bind(hash)
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes away every way to prove who one is.
pub async fn forget(conn: &mut PgConnection, user: UserId) -> Result<(), sqlx::Error> {
    sqlx::query("delete from credentials where user_id = $1").bind(user).execute(conn).await?;
    Ok(())
}
