//! What waits for digests, when they are due, and which were made. Writers hold the lock on the recipient.

use sqlx::PgConnection;
use time::{Date, OffsetDateTime};

use crate::domain::{
    hours::Due,
    id::{EventId, UserId},
    letter::Entry,
    notice::{Item, Kind},
};

/// Something new for a digest, of which there is one an event.
#[derive(Debug)]
pub struct New<'a> {
    pub recipient: UserId,
    pub event: EventId,
    pub kind: Kind,
    pub entry: &'a Entry,
    pub resource: &'a str,
    pub created_at: OffsetDateTime,
}

/// Puts something aside for the next digest; the same event adds nothing a second time.
pub async fn add(conn: &mut PgConnection, new: New<'_>) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into digest_items (recipient_id, event_id, kind, title, text, resource, created_at)
         values ($1, $2, $3, $4, $5, $6, $7)
         on conflict on constraint digest_items_pk do nothing",
    )
    .bind(new.recipient)
    .bind(new.event)
    .bind(new.kind)
    .bind(&new.entry.title)
    .bind(&new.entry.text)
    .bind(new.resource)
    .bind(new.created_at)
    .execute(conn)
    .await?;
    Ok(())
}

/// The day of the latest digest that was made for a person.
pub async fn last_day(conn: &mut PgConnection, recipient: UserId) -> Result<Option<Date>, sqlx::Error> {
    sqlx::query_scalar("select max(day) from digests where recipient_id = $1").bind(recipient).fetch_one(conn).await
}

/// Plans a person's next digest, unless one is planned.
pub async fn plan(conn: &mut PgConnection, recipient: UserId, due: Due) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into digest_plans (recipient_id, due_at, day)
         values ($1, $2, $3)
         on conflict on constraint digest_plans_pk do nothing",
    )
    .bind(recipient)
    .bind(due.at)
    .bind(due.day)
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes back the plan of a person, and says whether there was one.
pub async fn unplan(conn: &mut PgConnection, recipient: UserId) -> Result<bool, sqlx::Error> {
    let gone = sqlx::query("delete from digest_plans where recipient_id = $1").bind(recipient).execute(conn).await?;
    Ok(gone.rows_affected() > 0)
}

/// People whose digest is due, those who wait longest first.
pub async fn due(conn: &mut PgConnection, now: OffsetDateTime, limit: i64) -> Result<Vec<UserId>, sqlx::Error> {
    sqlx::query_scalar(
        "select recipient_id
         from digest_plans
         where due_at <= $1
         order by due_at
         limit $2",
    )
    .bind(now)
    .bind(limit)
    .fetch_all(conn)
    .await
}

/// The day for which a person's digest is due, if it is.
pub async fn due_day(
    conn: &mut PgConnection,
    recipient: UserId,
    now: OffsetDateTime,
) -> Result<Option<Date>, sqlx::Error> {
    sqlx::query_scalar("select day from digest_plans where recipient_id = $1 and due_at <= $2")
        .bind(recipient)
        .bind(now)
        .fetch_optional(conn)
        .await
}

/// Begins the digest of a person for a day, and says whether it is the first for that day.
pub async fn begin(
    conn: &mut PgConnection,
    recipient: UserId,
    day: Date,
    digest: EventId,
    now: OffsetDateTime,
) -> Result<bool, sqlx::Error> {
    let begun = sqlx::query(
        "insert into digests (recipient_id, day, digest_id, made_at)
         values ($1, $2, $3, $4)
         on conflict on constraint digests_pk do nothing",
    )
    .bind(recipient)
    .bind(day)
    .bind(digest)
    .bind(now)
    .execute(conn)
    .await?;
    Ok(begun.rows_affected() > 0)
}

/// Takes the oldest of what waits for a person.
pub async fn take(conn: &mut PgConnection, recipient: UserId, limit: i64) -> Result<Vec<Item>, sqlx::Error> {
    sqlx::query_as(pg::sql!(
        "with taken as (
             delete from digest_items
             where recipient_id = $1
               and event_id in (
                   select event_id
                   from digest_items
                   where recipient_id = $1
                   order by created_at, event_id
                   limit $2
               )
             returning *
         )
         select ",
        Item,
        " from taken
         order by created_at, event_id"
    ))
    .bind(recipient)
    .bind(limit)
    .fetch_all(conn)
    .await
}

/// Whether anything waits for a person.
pub async fn any(conn: &mut PgConnection, recipient: UserId) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("select exists (select from digest_items where recipient_id = $1)")
        .bind(recipient)
        .fetch_one(conn)
        .await
}

/// Forgets what waits of a kind that a person does not want any more.
pub async fn drop_kind(conn: &mut PgConnection, recipient: UserId, kind: Kind) -> Result<(), sqlx::Error> {
    sqlx::query("delete from digest_items where recipient_id = $1 and kind = $2")
        .bind(recipient)
        .bind(kind)
        .execute(conn)
        .await?;
    Ok(())
}

/// Forgets which digests were made before an instant, at most so many, and says how many.
pub async fn sweep(conn: &mut PgConnection, before: OffsetDateTime, limit: i64) -> Result<u64, sqlx::Error> {
    let swept = sqlx::query(
        "delete from digests
         where ctid = any(array(
             select ctid
             from digests
             where made_at < $1
             limit $2
         ))",
    )
    .bind(before)
    .bind(limit)
    .execute(conn)
    .await?;
    Ok(swept.rows_affected())
}

/// Forgets everything that waits for a person.
pub async fn erase(conn: &mut PgConnection, recipient: UserId) -> Result<(), sqlx::Error> {
    sqlx::query("delete from digest_items where recipient_id = $1").bind(recipient).execute(&mut *conn).await?;
    sqlx::query("delete from digest_plans where recipient_id = $1").bind(recipient).execute(&mut *conn).await?;
    sqlx::query("delete from digests where recipient_id = $1").bind(recipient).execute(conn).await?;
    Ok(())
}
