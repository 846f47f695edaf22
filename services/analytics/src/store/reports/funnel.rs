//! How far the orders of a period came.

use sqlx::{FromRow, PgConnection};

use crate::domain::calendar::Span;

pub const DEFINITION: &str = "Of the orders that were placed in the period: how many were paid, of those how many led to an enrolment, and \
    of those in how many the learner completed a lesson of it, up to now. An order for several courses counts once, by the one that \
    came furthest. Refunded orders stay counted.";

/// How many orders came so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromRow)]
pub struct Sales {
    pub placed: i64,
    pub paid: i64,
    pub enrolled: i64,
    pub learnt: i64,
}

impl Sales {
    /// The steps of the funnel, in order.
    pub const fn steps(&self) -> [(&'static str, i64); 4] {
        [
            ("ORDER_PLACED", self.placed),
            ("ORDER_PAID", self.paid),
            ("ENROLLED", self.enrolled),
            ("FIRST_LESSON", self.learnt),
        ]
    }
}

pub async fn sales(conn: &mut PgConnection, span: Span) -> Result<Sales, sqlx::Error> {
    sqlx::query_as(
        "with placed as materialized (
             select order_id, paid_day is not null as paid
             from orders
             where placed_day between $1 and $2
         ),
         enrolled as materialized (
             select placed.order_id,
                    bool_or(exists (
                        select
                        from lesson_completions l
                        where l.run_id = e.run_id
                          and l.enrolment_id = e.enrolment_id
                    )) as learnt
             from placed
             join entitlements n on n.order_id = placed.order_id
             join enrolments e on e.entitlement_id = n.entitlement_id
             where placed.paid
               and e.started_day is not null
             group by placed.order_id
         )
         select (select count(*) from placed) as placed,
                (select count(*) from placed where paid) as paid,
                (select count(*) from enrolled) as enrolled,
                (select count(*) from enrolled where learnt) as learnt",
    )
    .bind(span.from)
    .bind(span.to)
    .fetch_one(conn)
    .await
}
