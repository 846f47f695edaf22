//! The secrets in the links by which mails are switched off.

use sqlx::PgConnection;

use crate::domain::{id::UserId, notice::Kind};

/// The secret of a person's link for a kind: the one that there is, or else `fresh`.
pub async fn token(conn: &mut PgConnection, recipient: UserId, kind: Kind, fresh: &str) -> Result<String, sqlx::Error> {
    sqlx::query_scalar(
        "insert into unsubscribe_links (recipient_id, kind, token)
         values ($1, $2, $3)
         on conflict on constraint unsubscribe_links_pk do update
         set token = unsubscribe_links.token
         returning token",
    )
    .bind(recipient)
    .bind(kind)
    .bind(fresh)
    .fetch_one(conn)
    .await
}

/// Whose link for what it is.
pub async fn find(conn: &mut PgConnection, token: &str) -> Result<Option<(UserId, Kind)>, sqlx::Error> {
    // PostgreSQL refuses such a text; a stranger's nonsense is no error of ours.
    if token.contains('\0') {
        return Ok(None);
    }
    sqlx::query_as("select recipient_id, kind from unsubscribe_links where token = $1")
        .bind(token)
        .fetch_optional(conn)
        .await
}

/// Forgets the links of a person.
pub async fn erase(conn: &mut PgConnection, recipient: UserId) -> Result<(), sqlx::Error> {
    sqlx::query("delete from unsubscribe_links where recipient_id = $1").bind(recipient).execute(conn).await?;
    Ok(())
}
