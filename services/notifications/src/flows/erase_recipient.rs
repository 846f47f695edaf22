//! Forgets a person: profile, feed and mails, also those that wait.

use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::domain::id::UserId;
use crate::error::Error;
use crate::store;

pub async fn erase_recipient(
    conn: &mut PgConnection,
    user: UserId,
    version: i64,
    now: OffsetDateTime,
) -> Result<(), Error> {
    store::recipients::erase(conn, user, version, now).await?;
    store::notices::erase(conn, user).await?;
    store::deliveries::erase(conn, user).await?;
    Ok(())
}
