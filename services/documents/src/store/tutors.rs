//! Tutors' standings. A tutor's row is the lock under which everything about the tutor's papers changes.

use sqlx::{FromRow, PgConnection};
use time::{Date, OffsetDateTime};

use crate::domain::{id::UserId, tutor::Standing};

/// A tutor's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tutor {
    pub id: UserId,
    pub standing: Standing,
    /// The papers that were asked for when the standing was worked out.
    pub asked: String,
    pub version: i64,
    pub erased: bool,
}

#[derive(FromRow)]
struct Row {
    tutor_id: UserId,
    verified: bool,
    valid_until: Option<Date>,
    asked: String,
    version: i64,
    erased: bool,
}

impl From<Row> for Tutor {
    fn from(row: Row) -> Self {
        let standing = if row.verified { Standing::Verified { until: row.valid_until } } else { Standing::Unverified };
        Self { id: row.tutor_id, standing, asked: row.asked, version: row.version, erased: row.erased }
    }
}

fn columns(standing: Standing) -> (bool, Option<Date>) {
    match standing {
        Standing::Verified { until } => (true, until),
        Standing::Unverified => (false, None),
    }
}

/// Takes a tutor for the transaction; whoever hands in a first paper becomes one.
pub async fn lock(conn: &mut PgConnection, id: UserId) -> Result<Tutor, sqlx::Error> {
    sqlx::query("insert into tutors (tutor_id) values ($1) on conflict on constraint tutors_pk do nothing")
        .bind(id)
        .execute(&mut *conn)
        .await?;
    let row: Row = sqlx::query_as(
        "select tutor_id, verified, valid_until, asked, version, erased_at is not null as erased
         from tutors
         where tutor_id = $1
         for update",
    )
    .bind(id)
    .fetch_one(conn)
    .await?;
    Ok(row.into())
}

/// A tutor, without a lock.
pub async fn get(conn: &mut PgConnection, id: UserId) -> Result<Option<Tutor>, sqlx::Error> {
    let row: Option<Row> = sqlx::query_as(
        "select tutor_id, verified, valid_until, asked, version, erased_at is not null as erased
         from tutors
         where tutor_id = $1",
    )
    .bind(id)
    .fetch_optional(conn)
    .await?;
    Ok(row.map(Tutor::from))
}

/// Writes a standing.
pub async fn update(conn: &mut PgConnection, tutor: &Tutor) -> Result<(), sqlx::Error> {
    let (verified, valid_until) = columns(tutor.standing);
    sqlx::query("update tutors set verified = $2, valid_until = $3, asked = $4, version = $5 where tutor_id = $1")
        .bind(tutor.id)
        .bind(verified)
        .bind(valid_until)
        .bind(&tutor.asked)
        .bind(tutor.version)
        .execute(conn)
        .await?;
    Ok(())
}

/// Remembers that nobody stands behind the id any more.
pub async fn erase(conn: &mut PgConnection, id: UserId, now: OffsetDateTime) -> Result<(), sqlx::Error> {
    sqlx::query("update tutors set erased_at = $2 where tutor_id = $1 and erased_at is null")
        .bind(id)
        .bind(now)
        .execute(conn)
        .await?;
    Ok(())
}

/// Tutors whose standing was worked out when the school asked for other papers; a page in the order of ids.
pub async fn asked_otherwise(
    conn: &mut PgConnection,
    asked: &str,
    after: Option<UserId>,
    most: i64,
) -> Result<Vec<UserId>, sqlx::Error> {
    sqlx::query_scalar(
        "select tutor_id
         from tutors
         where asked <> $1
           and erased_at is null
           and ($2::uuid is null or tutor_id > $2)
         order by tutor_id
         limit $3",
    )
    .bind(asked)
    .bind(after)
    .bind(most)
    .fetch_all(conn)
    .await
}

/// Every tutor who was ever told about, in the order of ids; a page.
pub async fn export(conn: &mut PgConnection, after: Option<UserId>, most: i64) -> Result<Vec<Tutor>, sqlx::Error> {
    let rows: Vec<Row> = sqlx::query_as(
        "select tutor_id, verified, valid_until, asked, version, erased_at is not null as erased
         from tutors
         where version > 0
           and ($1::uuid is null or tutor_id > $1)
         order by tutor_id
         limit $2",
    )
    .bind(after)
    .bind(most)
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(Tutor::from).collect())
}
