//! What happened on each day beside money and learning, from its rollup.

use sqlx::PgConnection;
use time::Date;
use values::Record;

use crate::domain::calendar::Span;

pub const DEFINITION: &str = "Net revenue is the money of orders paid in the period less what was given back in it; the average order is \
    that of the orders paid in it, before refunds. Enrolments count once, when they start for the first time; completions when every \
    required lesson is done; active learners are different people who completed at least one lesson; certificates are first ones, not \
    those issued in the place of another.";

/// Counts of one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Record)]
pub struct Counts {
    pub day: Date,
    pub registrations: i64,
    pub enrolments: i64,
    pub completions: i64,
    pub certificates: i64,
}

/// The days of a span on which anything happened.
pub async fn counts(conn: &mut PgConnection, span: Span) -> Result<Vec<Counts>, sqlx::Error> {
    sqlx::query_as(pg::sql!("select ", Counts, " from daily_counts where day between $1 and $2"))
        .bind(span.from)
        .bind(span.to)
        .fetch_all(conn)
        .await
}
