//! What was tried how often. Which delays follow is the law's.

use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::domain::throttle::Tries;

/// What is counted, and for whom: a keyed fingerprint, so that the table holds nobody's address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    pub kind: &'static str,
    pub fingerprint: Vec<u8>,
}

/// What was tried so far, to count one more: nobody else counts until the transaction ends.
pub async fn lock(conn: &mut PgConnection, subject: &Subject, now: OffsetDateTime) -> Result<Tries, sqlx::Error> {
    // The row has to be there to be locked: it starts with no tries, which is the same as no row. One statement, because between
    // two of them somebody else may forget the row.
    let (count, last_at) = sqlx::query_as(
        "insert into throttles (kind, subject, tries, last_at)
         values ($1, $2, 0, $3)
         on conflict on constraint throttles_pk do update
         set tries = throttles.tries
         returning tries, last_at",
    )
    .bind(subject.kind)
    .bind(&subject.fingerprint)
    .bind(now)
    .fetch_one(conn)
    .await?;
    Ok(Tries { count, last_at })
}

/// Writes what was counted.
pub async fn save(conn: &mut PgConnection, subject: &Subject, tries: Tries) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update throttles
         set tries = $3,
             last_at = $4
         where kind = $1
           and subject = $2",
    )
    .bind(subject.kind)
    .bind(&subject.fingerprint)
    .bind(tries.count)
    .bind(tries.last_at)
    .execute(conn)
    .await?;
    Ok(())
}

/// Gives one try back, because it was no failure.
pub async fn take_back(conn: &mut PgConnection, subject: &Subject) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update throttles
         set tries = greatest(tries - 1, 0)
         where kind = $1
           and subject = $2",
    )
    .bind(subject.kind)
    .bind(&subject.fingerprint)
    .execute(conn)
    .await?;
    Ok(())
}

/// Forgets what a subject tried.
pub async fn forget(conn: &mut PgConnection, subject: &Subject) -> Result<(), sqlx::Error> {
    sqlx::query(
        "delete from throttles
         where kind = $1
           and subject = $2",
    )
    .bind(subject.kind)
    .bind(&subject.fingerprint)
    .execute(conn)
    .await?;
    Ok(())
}

/// Forgets what was last tried before `before`.
pub async fn sweep(conn: &mut PgConnection, before: OffsetDateTime) -> Result<u64, sqlx::Error> {
    let swept = sqlx::query("delete from throttles where last_at < $1").bind(before).execute(conn).await?;
    Ok(swept.rows_affected())
}
