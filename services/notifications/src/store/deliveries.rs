//! E-mails on their way. What they say leaves the row as soon as they are sent or given up.

use pg::Signal;
use sqlx::{PgConnection, QueryBuilder};
use time::OffsetDateTime;
use values::made::{self, within};

use crate::domain::{
    delivery::{BOUNCED, Next, State},
    id::{DeliveryId, EventId, UserId},
    letter::{Letter, Mail},
    notice::Kind,
    recipient::Person,
};

/// Rings in this process when there is something for a sender.
pub static BELL: Signal<()> = Signal::new();

/// A new e-mail, of which there is one an event.
#[derive(Debug)]
pub struct New<'a> {
    pub person: &'a Person,
    pub event: EventId,
    pub kind: Kind,
    pub mail: &'a Mail,
    /// Later than `created_at` if it waits for the end of quiet hours.
    pub due_at: OffsetDateTime,
    /// Whether it waits for the person to confirm the address; it is given up when it is due.
    pub unconfirmed: bool,
    pub expires_at: Option<OffsetDateTime>,
    pub created_at: OffsetDateTime,
}

/// Puts an e-mail into the queue and wakes a sender when the transaction commits; the same event adds nothing a second time. One to
/// an address that bounced is over at once.
pub async fn queue(conn: &mut PgConnection, new: New<'_>) -> Result<(), sqlx::Error> {
    sqlx::query(
        "with refused as (
             select exists (
                 select from bounced_addresses where recipient_id = $1 and address = lower(btrim($6))
             ) as it_is
         )
         insert into deliveries (
             recipient_id, delivery_id, event_id, kind, name, address, subject, text_part, html_part, unsubscribe_url,
             state, attempts, next_attempt_at, held, unconfirmed, expires_at, reason, created_at, finished_at
         )
         select $1, $2, $3, $4, $5, $6,
                case when it_is then null else $7::text end,
                case when it_is then null else $8::text end,
                case when it_is then null else $9::text end,
                case when it_is then null else $10::text end,
                case when it_is then 'suppressed' else 'queued' end,
                0,
                case when it_is then null else $11::timestamptz end,
                not it_is and not $15 and $11 > $13,
                not it_is and $15,
                $12,
                case when it_is then $14 else '' end,
                $13::timestamptz,
                case when it_is then $13 end
         from refused
         on conflict on constraint deliveries_event_key do nothing",
    )
    .bind(new.person.id)
    .bind(DeliveryId::new(new.created_at))
    .bind(new.event)
    .bind(new.kind)
    .bind(&new.person.name)
    .bind(&new.person.email)
    .bind(&new.mail.subject)
    .bind(&new.mail.text)
    .bind(&new.mail.html)
    .bind(&new.mail.unsubscribe_url)
    .bind(new.due_at)
    .bind(new.expires_at)
    .bind(new.created_at)
    .bind(BOUNCED)
    .bind(new.unconfirmed)
    .execute(conn)
    .await?;
    BELL.send_after_commit(());
    Ok(())
}

/// An e-mail that was claimed for a try.
#[derive(Debug, values::Record)]
pub struct Claimed {
    #[record(name = "recipient_id")]
    pub recipient: UserId,
    pub kind: Kind,
    #[record(flatten)]
    pub letter: Letter,
    /// How often it was tried, this time included.
    pub attempts: i32,
    pub expires_at: Option<OffsetDateTime>,
    pub created_at: OffsetDateTime,
    /// Whether an earlier mail to the address bounced.
    pub bounced: bool,
}

/// Claims e-mails that are due, until the lease ends: also those of a sender that died with them. Each claim begins a try.
pub async fn claim(
    conn: &mut PgConnection,
    limit: i64,
    lease_ends_at: OffsetDateTime,
    now: OffsetDateTime,
) -> Result<Vec<Claimed>, sqlx::Error> {
    sqlx::query_as(pg::sql!(
        "with due as (
             select recipient_id, delivery_id
             from deliveries
             where next_attempt_at <= $1
             order by next_attempt_at
             limit $2
             for update skip locked
         ),
         claimed as (
             update deliveries
             set state = 'sending',
                 attempts = attempts + 1,
                 next_attempt_at = $3,
                 held = false,
                 unconfirmed = false
             from due
             where deliveries.recipient_id = due.recipient_id
               and deliveries.delivery_id = due.delivery_id
             returning deliveries.*
         ),
         begun as (
             insert into delivery_attempts (recipient_id, delivery_id, number, started_at)
             select recipient_id, delivery_id, attempts, $1
             from claimed
         )
         select ",
        Claimed,
        " from claimed
         cross join lateral (
             select exists (
                 select
                 from bounced_addresses
                 where bounced_addresses.recipient_id = claimed.recipient_id
                   and bounced_addresses.address = lower(btrim(claimed.address))
             ) as bounced
         ) as addresses"
    ))
    .bind(now)
    .bind(limit)
    .bind(lease_ends_at)
    .fetch_all(conn)
    .await
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
        Next::Suppressed { reason } => (State::Suppressed, reason.as_str(), None),
    };
    sqlx::query(
        "update deliveries
         set state = $4,
             reason = $5,
             next_attempt_at = $6,
             finished_at = case when $6::timestamptz is null then $7 end,
             subject = case when $6::timestamptz is null then null else subject end,
             text_part = case when $6::timestamptz is null then null else text_part end,
             html_part = case when $6::timestamptz is null then null else html_part end,
             unsubscribe_url = case when $6::timestamptz is null then null else unsubscribe_url end
         where recipient_id = $1 and delivery_id = $2 and attempts = $3 and state = 'sending'",
    )
    .bind(claimed.recipient)
    .bind(claimed.letter.id)
    .bind(claimed.attempts)
    .bind(state)
    .bind(reason)
    .bind(next_attempt_at)
    .bind(now)
    .execute(conn)
    .await?;
    Ok(())
}

/// Ends e-mails of a kind that wait for a person who does not want them any more.
pub async fn suppress(
    conn: &mut PgConnection,
    recipient: UserId,
    kind: Kind,
    reason: &str,
    now: OffsetDateTime,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update deliveries
         set state = 'suppressed',
             reason = $3,
             next_attempt_at = null,
             held = false,
             unconfirmed = false,
             finished_at = $4,
             subject = null,
             text_part = null,
             html_part = null,
             unsubscribe_url = null
         where recipient_id = $1
           and kind = $2
           and state = 'queued'",
    )
    .bind(recipient)
    .bind(kind)
    .bind(reason)
    .bind(now)
    .execute(conn)
    .await?;
    Ok(())
}

/// Moves e-mails that wait for the end of a person's quiet hours to where that is now; `still` if it is yet to come.
pub async fn move_held(
    conn: &mut PgConnection,
    recipient: UserId,
    due_at: OffsetDateTime,
    still: bool,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update deliveries
         set next_attempt_at = $2,
             held = $3
         where recipient_id = $1
           and held",
    )
    .bind(recipient)
    .bind(due_at)
    .bind(still)
    .execute(conn)
    .await?;
    Ok(())
}

/// Lets go the e-mails that wait for a person to confirm the address, now that they have, and wakes a sender when the transaction
/// commits. They go to the address that was confirmed: at once, or `due_at` if that is later and they can wait.
pub async fn confirm(
    conn: &mut PgConnection,
    person: &Person,
    due_at: OffsetDateTime,
    now: OffsetDateTime,
) -> Result<(), sqlx::Error> {
    let patient: Vec<Kind> = Kind::ALL.iter().copied().filter(|kind| kind.can_wait()).collect();
    sqlx::query(
        "update deliveries
         set unconfirmed = false,
             name = $2,
             address = $3,
             next_attempt_at = case when kind = any($6) then $4 else $5 end,
             held = kind = any($6) and $4 > $5,
             expires_at = null
         where recipient_id = $1
           and unconfirmed",
    )
    .bind(person.id)
    .bind(&person.name)
    .bind(&person.email)
    .bind(due_at)
    .bind(now)
    .bind(patient)
    .execute(conn)
    .await?;
    BELL.send_after_commit(());
    Ok(())
}

/// A delivery as it is shown to those who help people.
#[derive(Debug, Clone, values::Record)]
pub struct Shown {
    #[record(name = "delivery_id")]
    pub id: DeliveryId,
    #[record(name = "recipient_id")]
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

/// Which deliveries are listed.
#[derive(Debug, Clone, Copy, Default)]
pub struct Filter {
    pub recipient: Option<UserId>,
    pub state: Option<State>,
    pub kind: Option<Kind>,
    /// Made at this instant or later, and before the other one.
    pub created: made::Range,
}

/// Deliveries newest first, older than `after`. Each condition has an index that ends with the delivery's id.
pub async fn newest(
    conn: &mut PgConnection,
    filter: Filter,
    after: Option<DeliveryId>,
    limit: i64,
) -> Result<Vec<Shown>, sqlx::Error> {
    let mut query = QueryBuilder::new(pg::sql!("select ", Shown, " from deliveries where true"));
    if let Some(recipient) = filter.recipient {
        query.push(" and recipient_id = ").push_bind(recipient);
    }
    if let Some(state) = filter.state {
        query.push(" and state = ").push_bind(state);
    }
    if let Some(kind) = filter.kind {
        query.push(" and kind = ").push_bind(kind);
    }
    within(&mut query, ("created_at", "delivery_id"), filter.created);
    if let Some(after) = after {
        query.push(" and delivery_id < ").push_bind(after);
    }
    query.push(" order by delivery_id desc limit ").push_bind(limit);
    query.build_query_as().fetch_all(conn).await
}

/// One delivery, whosever it is.
pub async fn find(conn: &mut PgConnection, delivery: DeliveryId) -> Result<Option<Shown>, sqlx::Error> {
    sqlx::query_as(pg::sql!("select ", Shown, " from deliveries where delivery_id = $1"))
        .bind(delivery)
        .fetch_optional(conn)
        .await
}

/// How many e-mails wait, and since when the oldest of them.
pub async fn waiting(conn: &mut PgConnection) -> Result<(i64, Option<OffsetDateTime>), sqlx::Error> {
    sqlx::query_as("select count(*), min(created_at) from deliveries where next_attempt_at is not null")
        .fetch_one(conn)
        .await
}

/// Since when the first e-mail is due that nobody has begun to send.
pub async fn due_since(conn: &mut PgConnection, now: OffsetDateTime) -> Result<Option<OffsetDateTime>, sqlx::Error> {
    sqlx::query_scalar("select min(next_attempt_at) from deliveries where next_attempt_at <= $1")
        .bind(now)
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
