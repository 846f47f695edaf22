//! The rows of exports, page by page in the order of a key that never changes: an export of any length holds one page, and no
//! connection while its reader is slow.

use sqlx::{FromRow, PgConnection};
use time::{Date, OffsetDateTime, macros::datetime};
use uuid::Uuid;
use values::Record;

use crate::domain::calendar::Span;

/// Rows that an export reads at a time.
pub const AT_ONCE: i64 = 500;

/// The last row that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub day: Date,
    pub at: OffsetDateTime,
    pub id: Uuid,
}

impl Place {
    /// Before everything of a day.
    pub const fn before(day: Date) -> Self {
        Self { day, at: datetime!(0001-01-01 0:00 UTC), id: Uuid::nil() }
    }
}

/// An order and how far it came.
#[derive(Debug, Clone, FromRow)]
pub struct OrderRow {
    pub placed_day: Date,
    pub order_id: Uuid,
    pub number: String,
    pub buyer_id: Uuid,
    pub currency: String,
    pub total_minor: i64,
    pub placed_at: OffsetDateTime,
    pub paid_at: Option<OffsetDateTime>,
    pub refunded_minor: i64,
    pub enrolled_at: Option<OffsetDateTime>,
    pub first_lesson_at: Option<OffsetDateTime>,
}

/// The next orders that were placed in a span.
pub async fn orders(conn: &mut PgConnection, span: Span, after: Place) -> Result<Vec<OrderRow>, sqlx::Error> {
    sqlx::query_as(
        "with page as materialized (
             select placed_day, order_id, number, buyer_id, currency, total_minor, placed_at, paid_at
             from orders
             where (placed_day, placed_at, order_id) > ($1, $2, $3)
               and placed_day <= $4
             order by placed_day, placed_at, order_id
             limit $5
         )
         select page.placed_day, page.order_id, page.number, page.buyer_id, page.currency, page.total_minor,
                page.placed_at, page.paid_at, refunded.minor as refunded_minor, learnt.enrolled_at,
                learnt.first_lesson_at
         from page
         cross join lateral (
             select coalesce(sum(amount_minor), 0)::bigint as minor
             from refunds
             where refunds.order_id = page.order_id
         ) as refunded
         cross join lateral (
             select min(e.started_at) as enrolled_at, min(l.completed_at) as first_lesson_at
             from entitlements n
             join enrolments e on e.entitlement_id = n.entitlement_id
             left join lesson_completions l on l.run_id = e.run_id and l.enrolment_id = e.enrolment_id
             where n.order_id = page.order_id
         ) as learnt
         order by page.placed_day, page.placed_at, page.order_id",
    )
    .bind(after.day)
    .bind(after.at)
    .bind(after.id)
    .bind(span.to)
    .bind(AT_ONCE)
    .fetch_all(conn)
    .await
}

/// An enrolment and how far it came.
#[derive(Debug, Clone, FromRow)]
pub struct EnrolmentRow {
    pub started_day: Date,
    pub enrolment_id: Uuid,
    pub learner_id: Uuid,
    pub run_id: Uuid,
    pub title: Option<String>,
    pub order_id: Option<Uuid>,
    pub started_at: OffsetDateTime,
    pub lessons_completed: i64,
    pub first_lesson_at: Option<OffsetDateTime>,
    pub completed_at: Option<OffsetDateTime>,
    pub ended_at: Option<OffsetDateTime>,
}

/// The next enrolments that started for the first time in a span.
pub async fn enrolments(conn: &mut PgConnection, span: Span, after: Place) -> Result<Vec<EnrolmentRow>, sqlx::Error> {
    sqlx::query_as(
        "with page as materialized (
             select started_day, enrolment_id, learner_id, run_id, entitlement_id, started_at, completed_at,
                    case when ended_at >= latest_start_at then ended_at end as ended_at
             from enrolments
             where (started_day, started_at, enrolment_id) > ($1, $2, $3)
               and started_day <= $4
             order by started_day, started_at, enrolment_id
             limit $5
         )
         select page.started_day, page.enrolment_id, page.learner_id, page.run_id, r.title, n.order_id,
                page.started_at, learnt.lessons as lessons_completed, learnt.first_at as first_lesson_at,
                page.completed_at, page.ended_at
         from page
         left join runs r on r.run_id = page.run_id
         left join entitlements n on n.entitlement_id = page.entitlement_id
         cross join lateral (
             select count(*) as lessons, min(l.completed_at) as first_at
             from lesson_completions l
             where l.run_id = page.run_id
               and l.enrolment_id = page.enrolment_id
         ) as learnt
         order by page.started_day, page.started_at, page.enrolment_id",
    )
    .bind(after.day)
    .bind(after.at)
    .bind(after.id)
    .bind(span.to)
    .bind(AT_ONCE)
    .fetch_all(conn)
    .await
}

/// The envelope of an event.
#[derive(Debug, Clone, Record)]
pub struct EventRow {
    pub event_id: Uuid,
    #[record(name = "type")]
    pub kind: String,
    pub aggregate_type: String,
    pub aggregate_id: Uuid,
    pub aggregate_version: i64,
    pub occurred_at: OffsetDateTime,
    pub actor: String,
}

/// The next kept events of a span; their place has no use for a day.
pub async fn events(conn: &mut PgConnection, span: Span, after: Place) -> Result<Vec<EventRow>, sqlx::Error> {
    let (from, until) = instants(&mut *conn, span).await?;
    sqlx::query_as(pg::sql!(
        "select ",
        EventRow,
        " from events
         where (occurred_at, event_id) > ($1, $2)
           and occurred_at >= $3
           and occurred_at < $4
         order by occurred_at, event_id
         limit $5"
    ))
    .bind(after.at)
    .bind(after.id)
    .bind(from)
    .bind(until)
    .bind(AT_ONCE)
    .fetch_all(conn)
    .await
}

/// When a span begins, and when it is over.
async fn instants(conn: &mut PgConnection, span: Span) -> Result<(OffsetDateTime, OffsetDateTime), sqlx::Error> {
    sqlx::query_as(
        "select $1::date::timestamp at time zone zone, ($2::date + 1)::timestamp at time zone zone
         from calendar",
    )
    .bind(span.from)
    .bind(span.to)
    .fetch_one(conn)
    .await
}
