//! What the Document System is asked, and which of its answers had their effect.

use pg::{Lease, Old, Pool};
use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::domain::id::{AskId, CaseId, UserId};

/// For how long an answer's repetitions are recognised. One that comes later finds a case that is decided.
const REMEMBERED: time::Duration = time::Duration::days(90);

/// A question that is due.
#[derive(Debug, Clone, PartialEq, Eq, values::Record)]
pub struct Ask {
    pub case_id: CaseId,
    pub ask_id: AskId,
    /// The trace in which the paper was handed in.
    pub traceparent: String,
    /// How often it was asked before.
    pub asked: i32,
}

/// Writes down that a question has to be asked.
pub async fn insert(conn: &mut PgConnection, ask: &Ask, send_at: OffsetDateTime) -> Result<(), sqlx::Error> {
    pg::row(ask).and("send_at", send_at).insert(conn, "case_asks").await
}

/// Claims questions about cases that the Document System still has.
pub async fn claim_due(conn: &mut PgConnection, lease: Lease) -> Result<Vec<Ask>, sqlx::Error> {
    sqlx::query_as(
        "update case_asks
         set send_at = $2
         where case_id in (
             select case_asks.case_id
             from case_asks
             join verification_cases as cases on cases.case_id = case_asks.case_id
             where send_at <= $1
               and cases.state = 'checking'
             order by send_at
             limit $3
             for update of case_asks skip locked
         )
         returning case_id, ask_id, traceparent, asked",
    )
    .bind(lease.now)
    .bind(lease.until)
    .bind(lease.limit)
    .fetch_all(conn)
    .await
}

/// Writes down that a question was asked once more, and when it is asked again.
pub async fn asked(conn: &mut PgConnection, case: CaseId, again_at: OffsetDateTime) -> Result<(), sqlx::Error> {
    sqlx::query("update case_asks set asked = asked + 1, send_at = $2 where case_id = $1")
        .bind(case)
        .bind(again_at)
        .execute(conn)
        .await?;
    Ok(())
}

/// Puts a question off that could not be asked.
pub async fn put_off(conn: &mut PgConnection, case: CaseId, until: OffsetDateTime) -> Result<(), sqlx::Error> {
    sqlx::query("update case_asks set send_at = $2 where case_id = $1").bind(case).bind(until).execute(conn).await?;
    Ok(())
}

/// The id under which the Document System was asked about a case.
pub async fn ask_of(conn: &mut PgConnection, case: CaseId) -> Result<Option<AskId>, sqlx::Error> {
    sqlx::query_scalar("select ask_id from case_asks where case_id = $1").bind(case).fetch_optional(conn).await
}

/// Claims an answer for the transaction; false when it had its effect before.
pub async fn claim_answer(
    conn: &mut PgConnection,
    source: &str,
    event: &str,
    now: OffsetDateTime,
) -> Result<bool, sqlx::Error> {
    let claimed = sqlx::query(
        "insert into case_answers (source, event_id, received_at)
         values ($1, $2, $3)
         on conflict on constraint case_answers_pk do nothing",
    )
    .bind(source)
    .bind(event)
    .bind(now)
    .execute(conn)
    .await?;
    Ok(claimed.rows_affected() == 1)
}

/// Forgets what is not asked any more about a tutor's papers.
pub async fn forget_of(conn: &mut PgConnection, tutor: UserId) -> Result<(), sqlx::Error> {
    sqlx::query(
        "delete from case_asks
         using verification_cases as cases
         where cases.case_id = case_asks.case_id
           and cases.tutor_id = $1",
    )
    .bind(tutor)
    .execute(conn)
    .await?;
    Ok(())
}

/// Forgets answers that came more than 90 days ago.
pub async fn sweep(pool: &Pool, now: OffsetDateTime) -> Result<u64, sqlx::Error> {
    pg::delete_before(pool, Old { table: "case_answers", column: "received_at" }, now - REMEMBERED).await
}
