//! Forgets a person: profile, feed, mails and what waits, wishes and links.

use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::domain::id::UserId;
use crate::error::Error;
use crate::store;

pub async fn run(conn: &mut PgConnection, user: UserId, version: i64, now: OffsetDateTime) -> Result<(), Error> {
    // First, because it locks the person against everybody who would add something.
    store::recipients::erase(conn, user, version, now).await?;
    store::notices::erase(conn, user).await?;
    store::deliveries::erase(conn, user).await?;
    store::digests::erase(conn, user).await?;
    store::preferences::erase(conn, user).await?;
    store::unsubscribe::erase(conn, user).await?;
    store::bounces::clear(conn, user).await?;
    Ok(())
}
