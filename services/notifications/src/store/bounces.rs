//! Addresses that bounced. Letters' case and spaces around them tell no two addresses apart.

use sqlx::{PgConnection, QueryBuilder};
use time::OffsetDateTime;

use crate::domain::id::UserId;

/// Remembers that mails to a person's address bounce; the latest bounce counts.
pub async fn add(
    conn: &mut PgConnection,
    recipient: UserId,
    address: &str,
    reason: &str,
    now: OffsetDateTime,
) -> Result<(), sqlx::Error> {
    // Not of somebody who was erased while the mail was on its way.
    sqlx::query(
        "insert into bounced_addresses (recipient_id, address, reason, bounced_at)
         select recipient_id, lower(btrim($2)), $3, $4
         from recipients
         where recipient_id = $1 and erased_at is null
         for key share
         on conflict on constraint bounced_addresses_pk do update
         set reason = excluded.reason,
             bounced_at = excluded.bounced_at",
    )
    .bind(recipient)
    .bind(address)
    .bind(reason)
    .bind(now)
    .execute(conn)
    .await?;
    Ok(())
}

/// A person whose present address bounced.
#[derive(Debug, Clone, values::Record)]
pub struct Shown {
    pub recipient_id: UserId,
    pub address: String,
    pub reason: String,
    pub bounced_at: OffsetDateTime,
}

/// Bounced addresses that are still their person's, the latest first, older than `after`.
pub async fn latest(
    conn: &mut PgConnection,
    after: Option<(OffsetDateTime, UserId)>,
    limit: i64,
) -> Result<Vec<Shown>, sqlx::Error> {
    let mut query = QueryBuilder::new(pg::sql!(
        "select ",
        Shown,
        " from bounced_addresses
         join recipients using (recipient_id)
         where address = lower(btrim(email))"
    ));
    if let Some((bounced_at, recipient)) = after {
        query.push(" and (bounced_at, recipient_id) < (").push_bind(bounced_at);
        query.push(", ").push_bind(recipient).push(")");
    }
    query.push(" order by bounced_at desc, recipient_id desc limit ").push_bind(limit);
    query.build_query_as().fetch_all(conn).await
}

/// Forgets the bounces of a person.
pub async fn clear(conn: &mut PgConnection, recipient: UserId) -> Result<(), sqlx::Error> {
    sqlx::query("delete from bounced_addresses where recipient_id = $1").bind(recipient).execute(conn).await?;
    Ok(())
}
