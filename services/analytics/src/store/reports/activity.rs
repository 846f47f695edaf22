//! Who learnt when, from the gaps between their days.

use sqlx::PgConnection;

use crate::domain::{activity::Gap, calendar::Span};

pub const DEFINITION: &str = "How many different people completed at least one lesson in the period, in whatever course. Opening a lesson \
    without completing it does not count.";

/// The gaps of a span's days.
pub async fn gaps(conn: &mut PgConnection, span: Span) -> Result<Vec<Gap>, sqlx::Error> {
    sqlx::query_as(pg::sql!("select ", Gap, " from activity_gaps where day between $1 and $2 order by day, gap"))
        .bind(span.from)
        .bind(span.to)
        .fetch_all(conn)
        .await
}
