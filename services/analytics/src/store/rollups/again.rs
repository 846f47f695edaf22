//! Counting anew: what facts since an instant contributed is taken back, what older ones did stays.
//!
//! A row that older facts have told of keeps what they said. A first or last moment that is taken back is told again by the caller,
//! and with it becomes what it was; so the sums alone are computed from what is left.

use sqlx::PgConnection;
use time::OffsetDateTime;

use super::LOCK;

/// In the order in which rows lose what they had; `$1` is the instant.
const FORGET: [&str; 13] = [
    "delete from registrations where registered_at >= $1",
    "delete from orders where coalesce(placed_at, $1) >= $1 and coalesce(paid_at, $1) >= $1",
    "update orders set placed_at = null, placed_day = null where placed_at >= $1",
    "update orders set paid_at = null, paid_day = null where paid_at >= $1",
    "delete from refunds where refunded_at >= $1",
    "delete from entitlements where granted_at >= $1",
    "delete from enrolments
     where coalesce(started_at, $1) >= $1
       and coalesce(ended_at, $1) >= $1
       and coalesce(completed_at, $1) >= $1",
    "update enrolments
     set learner_id = case when started_at < $1 then learner_id end,
         run_id = case when started_at < $1 then run_id end,
         entitlement_id = case when started_at < $1 then entitlement_id end,
         started_at = case when started_at < $1 then started_at end,
         started_day = case when started_at < $1 then started_day end,
         latest_start_at = case
             when latest_start_at < $1 then latest_start_at
             when started_at < $1 then started_at
         end,
         ended_at = case when ended_at < $1 then ended_at end,
         completed_at = case when completed_at < $1 then completed_at end,
         completed_day = case when completed_at < $1 then completed_day end
     where latest_start_at >= $1
        or ended_at >= $1
        or completed_at >= $1",
    "delete from lesson_completions where completed_at >= $1",
    "delete from certificates where coalesce(issued_at, $1) >= $1 and coalesce(revoked_at, $1) >= $1",
    "update certificates
     set enrolment_id = case when issued_at < $1 then enrolment_id end,
         reissue = case when issued_at < $1 then reissue end,
         issued_at = case when issued_at < $1 then issued_at end,
         issued_day = case when issued_at < $1 then issued_day end,
         revoked_at = case when revoked_at < $1 then revoked_at end
     where issued_at >= $1
        or revoked_at >= $1",
    "delete from runs where published_at >= $1",
    "delete from learners where first_enrolled_at >= $1",
];

/// The sums, from the rows that are left; `$1` is the first day that may have changed.
const SUM: [&str; 8] = [
    "delete from daily_revenue where day >= $1",
    "insert into daily_revenue (day, currency, gross_minor, orders, refunds_minor, refunds)
     select day, currency, sum(gross), sum(orders), sum(refunded), sum(refunds)
     from (
         select paid_day, currency, total_minor, 1, 0, 0
         from orders
         where paid_day >= $1
         union all
         select refunded_day, currency, 0, 0, amount_minor, 1
         from refunds
         where refunded_day >= $1
     ) as booked (day, currency, gross, orders, refunded, refunds)
     group by day, currency",
    "delete from daily_counts where day >= $1",
    "insert into daily_counts (day, registrations, enrolments, completions, certificates)
     select day, sum(registrations), sum(enrolments), sum(completions), sum(certificates)
     from (
         select registered_day, 1, 0, 0, 0
         from registrations
         where registered_day >= $1
         union all
         select started_day, 0, 1, 0, 0
         from enrolments
         where started_day >= $1
         union all
         select completed_day, 0, 0, 1, 0
         from enrolments
         where completed_day >= $1
         union all
         select issued_day, 0, 0, 0, 1
         from certificates
         where issued_day >= $1
           and not reissue
     ) as happened (day, registrations, enrolments, completions, certificates)
     group by day",
    "delete from activity_days where day >= $1",
    "insert into activity_days (learner_id, day)
     select distinct learner_id, completed_day
     from lesson_completions
     where completed_day >= $1",
    "delete from activity_gaps where day >= $1",
    "insert into activity_gaps (day, gap, learners)
     select day, gap, count(*)
     from (
         select day, least(coalesce(day - lag(day) over (partition by learner_id order by day), 32), 32) as gap
         from activity_days
         where day >= $1::date - 32
     ) as learnt
     where day >= $1
     group by day, gap",
];

/// Forgets everything that facts of that instant and later have contributed, as before they were heard; what older ones did is final.
/// The caller tells the kept facts again, in the same transaction.
pub async fn forget_since(conn: &mut PgConnection, since: OffsetDateTime) -> Result<(), sqlx::Error> {
    sqlx::query("select pg_advisory_xact_lock($1)").bind(LOCK).execute(&mut *conn).await?;
    for statement in FORGET {
        sqlx::query(statement).bind(since).execute(&mut *conn).await?;
    }
    // A day earlier, because a clock that is put back at midnight lets a day begin twice.
    let day = sqlx::query_scalar("select ($1::timestamptz at time zone (select zone from calendar))::date - 1")
        .bind(since)
        .fetch_one(&mut *conn)
        .await?;
    sum_since(conn, day).await
}

/// Computes the sums of a day and all later ones.
pub(super) async fn sum_since(conn: &mut PgConnection, day: time::Date) -> Result<(), sqlx::Error> {
    for statement in SUM {
        sqlx::query(statement).bind(day).execute(&mut *conn).await?;
    }
    Ok(())
}
