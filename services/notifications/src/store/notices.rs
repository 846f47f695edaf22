//! The feed. Every read and write names whose it is.

use pg::Signal;
use sqlx::{PgConnection, QueryBuilder};
use time::OffsetDateTime;

use crate::domain::{
    id::{EventId, NoticeId, UserId, following},
    letter::Entry,
    notice::Kind,
};

/// Whose feed this process has added something to.
pub static ADDED: Signal<UserId> = Signal::new();

/// An entry of the feed as it is shown.
#[derive(Debug, Clone, values::Record)]
pub struct Shown {
    #[record(name = "notice_id")]
    pub id: NoticeId,
    pub kind: Kind,
    pub title: String,
    pub text: String,
    pub resource: String,
    pub created_at: OffsetDateTime,
    pub read_at: Option<OffsetDateTime>,
}

/// A new entry, of which there is one an event.
#[derive(Debug)]
pub struct New<'a> {
    pub recipient: UserId,
    pub event: EventId,
    pub kind: Kind,
    pub entry: &'a Entry,
    pub resource: &'a str,
    pub created_at: OffsetDateTime,
}

/// Adds an entry and wakes those who watch when the transaction commits; the same event adds nothing a second time.
///
/// The caller holds the lock on the recipient: a person's entries become visible in the order of their ids, so that whoever reads
/// after an id misses none.
pub async fn add(conn: &mut PgConnection, new: New<'_>) -> Result<(), sqlx::Error> {
    let latest = latest(conn, new.recipient).await?;
    sqlx::query(
        "insert into notices (recipient_id, notice_id, event_id, kind, title, text, resource, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8)
         on conflict on constraint notices_event_key do nothing",
    )
    .bind(new.recipient)
    .bind(following(latest, NoticeId::new(new.created_at)))
    .bind(new.event)
    .bind(new.kind)
    .bind(&new.entry.title)
    .bind(&new.entry.text)
    .bind(new.resource)
    .bind(new.created_at)
    .execute(conn)
    .await?;
    ADDED.send_after_commit(new.recipient);
    Ok(())
}

/// The newest entry of each of these persons who has one.
pub async fn latest_of(conn: &mut PgConnection, recipients: &[UserId]) -> Result<Vec<(UserId, NoticeId)>, sqlx::Error> {
    sqlx::query_as(
        "select asked.recipient_id, latest.notice_id
         from unnest($1) as asked (recipient_id)
         cross join lateral (
             select notice_id
             from notices
             where recipient_id = asked.recipient_id
             order by notice_id desc
             limit 1
         ) as latest",
    )
    .bind(recipients)
    .fetch_all(conn)
    .await
}

/// The newest entry of a person.
pub async fn latest(conn: &mut PgConnection, recipient: UserId) -> Result<Option<NoticeId>, sqlx::Error> {
    sqlx::query_scalar(
        "select notice_id
         from notices
         where recipient_id = $1
         order by notice_id desc
         limit 1",
    )
    .bind(recipient)
    .fetch_optional(conn)
    .await
}

/// Entries of a person that are newer than `after`, oldest first.
pub async fn newer(
    conn: &mut PgConnection,
    recipient: UserId,
    after: NoticeId,
    limit: i64,
) -> Result<Vec<Shown>, sqlx::Error> {
    sqlx::query_as(
        "select notice_id, kind, title, text, resource, created_at, read_at
         from notices
         where recipient_id = $1 and notice_id > $2
         order by notice_id
         limit $3",
    )
    .bind(recipient)
    .bind(after)
    .bind(limit)
    .fetch_all(conn)
    .await
}

/// Entries of a person, newest first, older than `after`.
pub async fn of_recipient(
    conn: &mut PgConnection,
    recipient: UserId,
    unread_only: bool,
    after: Option<NoticeId>,
    limit: i64,
) -> Result<Vec<Shown>, sqlx::Error> {
    let mut query = QueryBuilder::new(pg::sql!("select ", Shown, " from notices where recipient_id = "));
    query.push_bind(recipient);
    if let Some(after) = after {
        query.push(" and notice_id < ").push_bind(after);
    }
    if unread_only {
        query.push(" and read_at is null");
    }
    query.push(" order by notice_id desc limit ").push_bind(limit);
    query.build_query_as().fetch_all(conn).await
}

/// How many entries a person has not read.
pub async fn unread(conn: &mut PgConnection, recipient: UserId) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("select count(*) from notices where recipient_id = $1 and read_at is null")
        .bind(recipient)
        .fetch_one(conn)
        .await
}

/// Marks an entry of a person as read and returns it; the first reading counts.
pub async fn read(
    conn: &mut PgConnection,
    recipient: UserId,
    notice: NoticeId,
    now: OffsetDateTime,
) -> Result<Option<Shown>, sqlx::Error> {
    sqlx::query_as(
        "update notices
         set read_at = coalesce(read_at, $3)
         where recipient_id = $1 and notice_id = $2
         returning notice_id, kind, title, text, resource, created_at, read_at",
    )
    .bind(recipient)
    .bind(notice)
    .bind(now)
    .fetch_optional(conn)
    .await
}

/// Marks a person's entries as read, up to one of them if it is given.
pub async fn read_all(
    conn: &mut PgConnection,
    recipient: UserId,
    up_to: Option<NoticeId>,
    now: OffsetDateTime,
) -> Result<(), sqlx::Error> {
    let mut query = QueryBuilder::new("update notices set read_at = ");
    query.push_bind(now).push(" where read_at is null and recipient_id = ").push_bind(recipient);
    if let Some(up_to) = up_to {
        query.push(" and notice_id <= ").push_bind(up_to);
    }
    query.build().execute(conn).await?;
    Ok(())
}

/// Forgets everything that a person was told.
pub async fn erase(conn: &mut PgConnection, recipient: UserId) -> Result<(), sqlx::Error> {
    sqlx::query("delete from notices where recipient_id = $1").bind(recipient).execute(conn).await?;
    Ok(())
}
