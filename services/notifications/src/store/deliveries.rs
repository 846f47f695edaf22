//! E-mails on their way. What they say leaves the row as soon as they are sent or given up.

use anyhow::Context;
use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::domain::{
    delivery::{Next, State},
    id::{DeliveryId, EventId, UserId},
    letter::{Letter, Mail},
    notice::Kind,
    recipient::Person,
};
use crate::error::Error;

/// A new e-mail, of which there is one an event.
#[derive(Debug)]
pub struct New<'a> {
    pub person: &'a Person,
    pub event: EventId,
    pub kind: Kind,
    pub mail: &'a Mail,
    pub expires_at: Option<OffsetDateTime>,
    pub created_at: OffsetDateTime,
}

/// Puts an e-mail into the queue and wakes a sender when the transaction commits; the same event adds nothing a second time.
pub async fn queue(conn: &mut PgConnection, new: New<'_>) -> Result<(), sqlx::Error> {
    sqlx::query(
        "with queued as (
             insert into deliveries (
                 recipient_id, delivery_id, event_id, kind, name, address, subject, text_part, html_part,
                 state, attempts, next_attempt_at, expires_at, reason, created_at
             )
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'queued', 0, $10, $11, '', $10)
             on conflict on constraint deliveries_event_key do nothing
         )
         select pg_notify('deliveries', '')",
    )
    .bind(new.person.id)
    .bind(DeliveryId::new(new.created_at))
    .bind(new.event)
    .bind(new.kind.as_str())
    .bind(&new.person.name)
    .bind(&new.person.email)
    .bind(&new.mail.subject)
    .bind(&new.mail.text)
    .bind(&new.mail.html)
    .bind(new.created_at)
    .bind(new.expires_at)
    .execute(conn)
    .await?;
    Ok(())
}

/// An e-mail that was claimed for a try.
#[derive(Debug)]
pub struct Claimed {
    pub recipient: UserId,
    pub kind: Kind,
    pub letter: Letter,
    /// How often it was tried, this time included.
    pub attempts: i32,
    pub expires_at: Option<OffsetDateTime>,
    pub created_at: OffsetDateTime,
}

#[derive(sqlx::FromRow)]
struct ClaimedRow {
    recipient_id: UserId,
    delivery_id: DeliveryId,
    kind: String,
    name: String,
    address: String,
    subject: String,
    text_part: String,
    html_part: String,
    attempts: i32,
    expires_at: Option<OffsetDateTime>,
    created_at: OffsetDateTime,
}

/// Claims e-mails that are due, until the lease ends: also those of a sender that died with them.
pub async fn claim(
    conn: &mut PgConnection,
    limit: i64,
    lease_ends_at: OffsetDateTime,
    now: OffsetDateTime,
) -> Result<Vec<Claimed>, Error> {
    let rows: Vec<ClaimedRow> = sqlx::query_as(
        "with due as (
             select recipient_id, delivery_id
             from deliveries
             where next_attempt_at <= $1
             order by next_attempt_at
             limit $2
             for update skip locked
         )
         update deliveries
         set state = 'sending',
             attempts = attempts + 1,
             next_attempt_at = $3
         from due
         where deliveries.recipient_id = due.recipient_id
           and deliveries.delivery_id = due.delivery_id
         returning deliveries.recipient_id, deliveries.delivery_id, kind, name, address, subject, text_part, html_part,
                   attempts, expires_at, created_at",
    )
    .bind(now)
    .bind(limit)
    .bind(lease_ends_at)
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let mail = Mail { subject: row.subject, text: row.text_part, html: row.html_part };
            Ok(Claimed {
                recipient: row.recipient_id,
                kind: Kind::parse(&row.kind).context("deliveries.kind")?,
                letter: Letter { id: row.delivery_id, name: row.name, address: row.address, mail },
                attempts: row.attempts,
                expires_at: row.expires_at,
                created_at: row.created_at,
            })
        })
        .collect()
}

/// Remembers what became of a claimed e-mail; nothing if the claim is not the latest any more.
pub async fn record(
    conn: &mut PgConnection,
    claimed: &Claimed,
    next: &Next,
    now: OffsetDateTime,
) -> Result<(), sqlx::Error> {
    let (state, reason, next_attempt_at) = match next {
        Next::Sent => (State::Sent, "", None),
        Next::Retry { at, reason } => (State::Queued, reason.as_str(), Some(*at)),
        Next::Failed { reason } => (State::Failed, reason.as_str(), None),
        Next::GaveUp { reason } => (State::GaveUp, reason.as_str(), None),
    };
    sqlx::query(
        "update deliveries
         set state = $4,
             reason = $5,
             next_attempt_at = $6,
             finished_at = case when $6::timestamptz is null then $7 end,
             subject = case when $6::timestamptz is null then null else subject end,
             text_part = case when $6::timestamptz is null then null else text_part end,
             html_part = case when $6::timestamptz is null then null else html_part end
         where recipient_id = $1 and delivery_id = $2 and attempts = $3 and state = 'sending'",
    )
    .bind(claimed.recipient)
    .bind(claimed.letter.id)
    .bind(claimed.attempts)
    .bind(state.as_str())
    .bind(reason)
    .bind(next_attempt_at)
    .bind(now)
    .execute(conn)
    .await?;
    Ok(())
}

/// A delivery as it is shown to those who help people.
#[derive(Debug, Clone)]
pub struct Shown {
    pub id: DeliveryId,
    pub recipient: UserId,
    pub kind: Kind,
    pub address: String,
    pub state: State,
    pub attempts: i32,
    pub reason: String,
    pub created_at: OffsetDateTime,
    pub next_attempt_at: Option<OffsetDateTime>,
    pub finished_at: Option<OffsetDateTime>,
}

#[derive(sqlx::FromRow)]
struct ShownRow {
    delivery_id: DeliveryId,
    recipient_id: UserId,
    kind: String,
    address: String,
    state: String,
    attempts: i32,
    reason: String,
    created_at: OffsetDateTime,
    next_attempt_at: Option<OffsetDateTime>,
    finished_at: Option<OffsetDateTime>,
}

/// Deliveries newest first, older than `after`: everybody's or one person's, in any state or one.
pub async fn newest(
    conn: &mut PgConnection,
    recipient: Option<UserId>,
    state: Option<State>,
    after: Option<DeliveryId>,
    limit: i64,
) -> Result<Vec<Shown>, Error> {
    let rows: Vec<ShownRow> = sqlx::query_as(
        "select delivery_id, recipient_id, kind, address, state, attempts, reason, created_at, next_attempt_at,
                finished_at
         from deliveries
         where ($1::uuid is null or recipient_id = $1)
           and ($2::text is null or state = $2)
           and ($3::uuid is null or delivery_id < $3)
         order by delivery_id desc
         limit $4",
    )
    .bind(recipient)
    .bind(state.map(State::as_str))
    .bind(after)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Shown {
                id: row.delivery_id,
                recipient: row.recipient_id,
                kind: Kind::parse(&row.kind).context("deliveries.kind")?,
                address: row.address,
                state: State::parse(&row.state).context("deliveries.state")?,
                attempts: row.attempts,
                reason: row.reason,
                created_at: row.created_at,
                next_attempt_at: row.next_attempt_at,
                finished_at: row.finished_at,
            })
        })
        .collect()
}

/// How many e-mails wait, and since when the oldest of them.
pub async fn waiting(conn: &mut PgConnection) -> Result<(i64, Option<OffsetDateTime>), sqlx::Error> {
    sqlx::query_as("select count(*), min(created_at) from deliveries where next_attempt_at is not null")
        .fetch_one(conn)
        .await
}

/// Forgets everything that was sent to a person or waits to be.
pub async fn erase(conn: &mut PgConnection, recipient: UserId) -> Result<(), sqlx::Error> {
    sqlx::query("delete from deliveries where recipient_id = $1").bind(recipient).execute(conn).await?;
    Ok(())
}

/// Forgets deliveries that were over before an instant, at most so many, and says how many.
pub async fn sweep(conn: &mut PgConnection, before: OffsetDateTime, limit: i64) -> Result<u64, sqlx::Error> {
    let swept = sqlx::query(
        "delete from deliveries
         where ctid = any(array(
             select ctid
             from deliveries
             where finished_at < $1
             limit $2
         ))",
    )
    .bind(before)
    .bind(limit)
    .execute(conn)
    .await?;
    Ok(swept.rows_affected())
}
