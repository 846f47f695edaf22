//! Who came back, by when they began.

use sqlx::{FromRow, PgConnection};
use time::Date;

use crate::domain::calendar::{Granularity, Span};

pub const DEFINITION: &str = "People are grouped by the period in which they enrolled for the first time, in whatever course. Of each group \
    it is counted how many different people completed at least one lesson in their first period, in the one after it, and so on up to the \
    current one, which is not over yet.";

/// How many people of a cohort, in all where `period` is none, or of those who learnt in a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromRow)]
pub struct Cell {
    /// The first day of the cohort's period.
    pub cohort: Date,
    pub period: Option<Date>,
    pub people: i64,
}

/// The cohorts that began in a span, and what was learnt up to today.
pub async fn cells(
    conn: &mut PgConnection,
    span: Span,
    by: Granularity,
    today: Date,
) -> Result<Vec<Cell>, sqlx::Error> {
    sqlx::query_as(
        "with members as materialized (
             select learner_id, date_trunc($3, first_enrolled_day::timestamp)::date as cohort
             from learners
             where first_enrolled_day between $1 and $2
         ),
         learnt as (
             select distinct m.cohort, m.learner_id, date_trunc($3, d.day::timestamp)::date as period
             from members m
             join activity_days d on d.learner_id = m.learner_id
             where d.day <= $4
         )
         select cohort, null::date as period, count(*) as people
         from members
         group by cohort
         union all
         select cohort, period, count(*)
         from learnt
         group by cohort, period",
    )
    .bind(span.from)
    .bind(span.to)
    .bind(by.as_str())
    .bind(today)
    .fetch_all(conn)
    .await
}
