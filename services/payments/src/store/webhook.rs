//! Notifications as they came, before anything is made of them.

use sqlx::PgConnection;
use time::{Duration, OffsetDateTime};

use crate::domain::{AttemptId, UserId, WebhookId, attempt::Provider, webhook::Verdict};

/// A notification to be kept.
#[derive(Debug)]
pub struct Arrival<'a> {
    pub id: WebhookId,
    pub provider: Provider,
    pub digest: &'a [u8],
    pub body: &'a [u8],
    pub address: &'a str,
    pub verdict: Verdict,
    pub at: OffsetDateTime,
}

/// A notification that is kept.
#[derive(Debug, Clone, Copy)]
pub struct Kept {
    pub id: WebhookId,
    /// What was made of it before, if it came before.
    pub before: Option<Verdict>,
    /// When it came first.
    pub first_at: OffsetDateTime,
}

/// Keeps a notification, or counts it once more.
pub async fn keep(conn: &mut PgConnection, arrival: &Arrival<'_>) -> Result<Kept, sqlx::Error> {
    let (id, verdict, times, first_at): (WebhookId, Verdict, i32, OffsetDateTime) = sqlx::query_as(
        "insert into webhooks (webhook_id, provider, digest, body, address, verdict, times, first_at, last_at)
         values ($1, $2, $3, $4, $5, $6, 1, $7, $7)
         on conflict on constraint webhooks_digest_key do update
         set times = webhooks.times + 1,
             last_at = excluded.last_at
         returning webhook_id, verdict, times, first_at",
    )
    .bind(arrival.id)
    .bind(arrival.provider)
    .bind(arrival.digest)
    .bind(arrival.body)
    .bind(arrival.address)
    .bind(arrival.verdict)
    .bind(arrival.at)
    .fetch_one(conn)
    .await?;
    let before = (times > 1).then_some(verdict);
    Ok(Kept { id, before, first_at })
}

/// Notes what was made of a notification, and which attempt it was about.
pub async fn judge(
    conn: &mut PgConnection,
    id: WebhookId,
    verdict: Verdict,
    attempt: Option<AttemptId>,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update webhooks
         set verdict = $2, attempt_id = coalesce($3, attempt_id)
         where webhook_id = $1",
    )
    .bind(id)
    .bind(verdict)
    .bind(attempt)
    .execute(conn)
    .await?;
    Ok(())
}

/// When the last notification about an attempt came for the first time, if there was one.
pub async fn last_notified(conn: &mut PgConnection, attempt: AttemptId) -> Result<Option<OffsetDateTime>, sqlx::Error> {
    sqlx::query_scalar("select max(first_at) from webhooks where attempt_id = $1").bind(attempt).fetch_one(conn).await
}

/// Empties bodies that nobody needs any more: of refused notifications after a week, of the others after 90 days.
pub async fn forget_old(conn: &mut PgConnection, now: OffsetDateTime) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update webhooks
         set body = null
         where body is not null
           and last_at < case when verdict in ('malformed', 'forged', 'foreign_shop') then $1 else $2 end",
    )
    .bind(now - Duration::days(7))
    .bind(now - Duration::days(90))
    .execute(conn)
    .await?;
    Ok(())
}

/// Deletes what was refused more than 90 days ago; strangers must not fill the table.
pub async fn delete_refused(conn: &mut PgConnection, now: OffsetDateTime) -> Result<(), sqlx::Error> {
    sqlx::query(
        "delete from webhooks
         where verdict in ('malformed', 'forged', 'foreign_shop')
           and last_at < $1",
    )
    .bind(now - Duration::days(90))
    .execute(conn)
    .await?;
    Ok(())
}

/// Empties the bodies of what was notified about a buyer: they name the card.
pub async fn forget_of(conn: &mut PgConnection, buyer: UserId) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update webhooks
         set body = null
         from attempts
         join orders using (order_id)
         where attempts.attempt_id = webhooks.attempt_id
           and orders.buyer_id = $1",
    )
    .bind(buyer)
    .execute(conn)
    .await?;
    Ok(())
}
