//! The zone in which days are counted: fixed when a row is written, so that another one asks for all of them to be counted anew.

use sqlx::PgConnection;
use time::{Date, macros::date};
use values::TimeZone;

use super::{LOCK, again::sum_since};

/// Before every day that is counted.
const FIRST: Date = date!(0001 - 01 - 01);

/// The days of the rows; `$1` is the zone.
const DAYS: [&str; 7] = [
    "update registrations set registered_day = (registered_at at time zone $1::text)::date",
    "update orders
     set placed_day = (placed_at at time zone $1::text)::date, paid_day = (paid_at at time zone $1::text)::date",
    "update refunds set refunded_day = (refunded_at at time zone $1::text)::date",
    "update enrolments
     set started_day = (started_at at time zone $1::text)::date,
         completed_day = (completed_at at time zone $1::text)::date",
    "update lesson_completions set completed_day = (completed_at at time zone $1::text)::date",
    "update certificates set issued_day = (issued_at at time zone $1::text)::date",
    "update learners set first_enrolled_day = (first_enrolled_at at time zone $1::text)::date",
];

/// The zone in which days are counted.
pub async fn zone(conn: &mut PgConnection) -> Result<String, sqlx::Error> {
    sqlx::query_scalar("select zone from calendar").fetch_one(conn).await
}

/// Counts every day in a zone, final ones too, because the rows keep their moments; nothing happens where that is so already.
/// Call it in a transaction.
pub async fn move_to_zone(conn: &mut PgConnection, wanted: &TimeZone) -> Result<(), sqlx::Error> {
    sqlx::query("select pg_advisory_xact_lock($1)").bind(LOCK).execute(&mut *conn).await?;
    if zone(&mut *conn).await? == wanted.as_str() {
        return Ok(());
    }
    // As long as it takes: it rewrites every row.
    sqlx::query("set local statement_timeout = 0").execute(&mut *conn).await?;
    sqlx::query("update calendar set zone = $1").bind(wanted.as_str()).execute(&mut *conn).await?;
    for statement in DAYS {
        sqlx::query(statement).bind(wanted.as_str()).execute(&mut *conn).await?;
    }
    sum_since(conn, FIRST).await
}
