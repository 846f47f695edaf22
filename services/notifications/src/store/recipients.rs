//! Our copy of whom we write to.

use sqlx::{PgConnection, postgres::PgRow};
use time::OffsetDateTime;
use values::{Record, record::Row};

use crate::domain::{
    id::UserId,
    recipient::{Person, Recipient},
};

const SELECT: &str = pg::sql!("select ", Person, ", erased_at from recipients where recipient_id = $1");

/// A row is a person's until it has the moment of an erasure.
fn recipient(row: PgRow) -> Result<Recipient, sqlx::Error> {
    let row = Row::of(&row);
    match row.get::<Option<OffsetDateTime>>("erased_at")? {
        Some(_) => Ok(Recipient::Erased),
        None => Person::read(&row).map(Recipient::Person),
    }
}

/// What we know of a user, if anything.
pub async fn find(conn: &mut PgConnection, user: UserId) -> Result<Option<Recipient>, sqlx::Error> {
    sqlx::query(SELECT).bind(user).try_map(recipient).fetch_optional(conn).await
}

/// The same, and until the transaction ends nobody else tells the person anything or changes what they want.
pub async fn lock(conn: &mut PgConnection, user: UserId) -> Result<Option<Recipient>, sqlx::Error> {
    sqlx::query(pg::sql!(const SELECT, " for no key update")).bind(user).try_map(recipient).fetch_optional(conn).await
}

/// Keeps what is newer than what we have, and says whether it was. Nothing brings an erased person back.
pub async fn keep(conn: &mut PgConnection, person: &Person, version: i64) -> Result<bool, sqlx::Error> {
    let kept = sqlx::query(
        "insert into recipients (
             recipient_id, version, display_name, email, email_confirmed, language, time_zone
         )
         values ($1, $2, $3, $4, $5, $6, $7)
         on conflict on constraint recipients_pk do update
         set version = excluded.version,
             display_name = excluded.display_name,
             email = excluded.email,
             email_confirmed = excluded.email_confirmed,
             language = excluded.language,
             time_zone = excluded.time_zone
         where recipients.version < excluded.version
           and recipients.erased_at is null",
    )
    .bind(person.id)
    .bind(version)
    .bind(&person.name)
    .bind(&person.email)
    .bind(person.email_confirmed)
    .bind(person.language)
    .bind(&person.time_zone)
    .execute(conn)
    .await?;
    Ok(kept.rows_affected() > 0)
}

/// Leaves nothing but the id, also of a user whom we have not heard of yet.
pub async fn erase(
    conn: &mut PgConnection,
    user: UserId,
    version: i64,
    now: OffsetDateTime,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into recipients (
             recipient_id, version, display_name, email, email_confirmed, language, time_zone, erased_at
         )
         values ($1, $2, '', '', false, '', '', $3)
         on conflict on constraint recipients_pk do update
         set version = greatest(recipients.version, excluded.version),
             display_name = '',
             email = '',
             email_confirmed = false,
             language = '',
             time_zone = '',
             erased_at = coalesce(recipients.erased_at, excluded.erased_at)",
    )
    .bind(user)
    .bind(version)
    .bind(now)
    .execute(conn)
    .await?;
    Ok(())
}

/// Whether we know anybody at all.
pub async fn any(conn: &mut PgConnection) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("select exists (select from recipients)").fetch_one(conn).await
}
