//! Enrolments and their log.

use sqlx::{PgConnection, PgExecutor};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::{
    enrolment::{Cause, Enrolment},
    id::{EnrolmentId, LearnerId, RunId},
};

/// Makes everybody who would change the learner's enrolments wait until the end of the transaction, even while there is no
/// row to lock.
pub async fn lock_learner(conn: &mut PgConnection, learner: LearnerId) -> Result<(), sqlx::Error> {
    sqlx::query("select pg_advisory_xact_lock(hashtextextended($1::text, 0))").bind(learner).execute(conn).await?;
    Ok(())
}

pub async fn insert(conn: &mut PgConnection, enrolment: &Enrolment, now: OffsetDateTime) -> Result<(), sqlx::Error> {
    pg::row(enrolment).and("updated_at", now).insert(conn, "enrolments").await
}

pub async fn update(conn: &mut PgConnection, enrolment: &Enrolment, now: OffsetDateTime) -> Result<(), sqlx::Error> {
    pg::row(enrolment).and("updated_at", now).update(conn, "enrolments").await
}

/// The learner's live enrolment in a run, held until the end of the transaction.
pub async fn lock_live(
    conn: &mut PgConnection,
    learner: LearnerId,
    run: RunId,
) -> Result<Option<Enrolment>, sqlx::Error> {
    sqlx::query_as(pg::sql!(
        "select ",
        Enrolment as e,
        " from enrolments e
         where e.learner_id = $1
           and e.run_id = $2
           and e.state in ('active', 'paused', 'completed')
         for no key update"
    ))
    .bind(learner)
    .bind(run)
    .fetch_optional(conn)
    .await
}

/// An enrolment of the learner, held until the end of the transaction.
pub async fn lock(
    conn: &mut PgConnection,
    learner: LearnerId,
    id: EnrolmentId,
) -> Result<Option<Enrolment>, sqlx::Error> {
    sqlx::query_as(pg::sql!(
        "select ",
        Enrolment as e,
        " from enrolments e
         where e.learner_id = $1
           and e.enrolment_id = $2
         for no key update"
    ))
    .bind(learner)
    .bind(id)
    .fetch_optional(conn)
    .await
}

/// An enrolment of the learner.
pub async fn find(
    db: impl PgExecutor<'_>,
    learner: LearnerId,
    id: EnrolmentId,
) -> Result<Option<Enrolment>, sqlx::Error> {
    sqlx::query_as(pg::sql!(
        "select ",
        Enrolment as e,
        " from enrolments e
         where e.learner_id = $1
           and e.enrolment_id = $2"
    ))
    .bind(learner)
    .bind(id)
    .fetch_optional(db)
    .await
}

/// Whose enrolment it is, for staff; the scope of everything else.
pub async fn find_for_staff(db: impl PgExecutor<'_>, id: EnrolmentId) -> Result<Option<Enrolment>, sqlx::Error> {
    sqlx::query_as(pg::sql!("select ", Enrolment as e, " from enrolments e where e.enrolment_id = $1"))
        .bind(id)
        .fetch_optional(db)
        .await
}

/// The live enrolments of a learner, whatever the run, held until the end of the transaction.
pub async fn lock_all_live(conn: &mut PgConnection, learner: LearnerId) -> Result<Vec<Enrolment>, sqlx::Error> {
    sqlx::query_as(pg::sql!(
        "select ",
        Enrolment as e,
        " from enrolments e
         where e.learner_id = $1
           and e.state in ('active', 'paused', 'completed')
         order by e.enrolment_id
         for no key update"
    ))
    .bind(learner)
    .fetch_all(conn)
    .await
}

/// How many attempts at a run the learner has begun.
pub async fn attempts(conn: &mut PgConnection, learner: LearnerId, run: RunId) -> Result<i32, sqlx::Error> {
    sqlx::query_scalar(
        "select coalesce(max(attempt), 0)
         from enrolments
         where learner_id = $1
           and run_id = $2",
    )
    .bind(learner)
    .bind(run)
    .fetch_one(conn)
    .await
}

/// Which enrolments to list.
#[derive(Debug, Clone, Copy, Default)]
pub struct Filter {
    pub run: Option<RunId>,
    pub learner: Option<LearnerId>,
    /// A state's name.
    pub state: Option<&'static str>,
}

/// Enrolments of everybody, the newest first, for staff.
pub async fn list_for_staff(
    db: impl PgExecutor<'_>,
    filter: Filter,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Enrolment>, sqlx::Error> {
    sqlx::query_as(pg::sql!(
        "select ",
        Enrolment as e,
        " from enrolments e
         where ($1::uuid is null or e.run_id = $1)
           and ($2::uuid is null or e.learner_id = $2)
           and ($3::text is null or e.state = $3)
           and ($4::uuid is null or e.enrolment_id < $4)
         order by e.enrolment_id desc
         limit $5"
    ))
    .bind(filter.run)
    .bind(filter.learner)
    .bind(filter.state)
    .bind(after)
    .bind(limit)
    .fetch_all(db)
    .await
}

/// Where an export stands: the last enrolment that was read.
pub type Exported = (LearnerId, EnrolmentId);

/// The next enrolments of an export, in the order of their key.
pub async fn export(
    db: impl PgExecutor<'_>,
    changed_since: Option<OffsetDateTime>,
    after: Option<Exported>,
    limit: i64,
) -> Result<Vec<Enrolment>, sqlx::Error> {
    sqlx::query_as(pg::sql!(
        "select ",
        Enrolment as e,
        " from enrolments e
         where ($1::timestamptz is null or e.updated_at >= $1)
           and ($2::uuid is null or (e.learner_id, e.enrolment_id) > ($2, $3::uuid))
         order by e.learner_id, e.enrolment_id
         limit $4"
    ))
    .bind(changed_since)
    .bind(after.map(|(learner, _)| learner))
    .bind(after.map(|(_, enrolment)| enrolment))
    .bind(limit)
    .fetch_all(db)
    .await
}

/// Enrolments whose time is up, for the job that ends them.
pub async fn overdue(
    db: impl PgExecutor<'_>,
    now: OffsetDateTime,
    limit: i64,
) -> Result<Vec<(LearnerId, RunId)>, sqlx::Error> {
    sqlx::query_as(
        "select learner_id, run_id
         from enrolments
         where state in ('active', 'completed')
           and access_ends_at <= $1
         order by access_ends_at
         limit $2",
    )
    .bind(now)
    .bind(limit)
    .fetch_all(db)
    .await
}

/// A line of an enrolment's log.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Change {
    pub state: String,
    pub reason: String,
    pub note: String,
    pub actor: String,
    pub occurred_at: OffsetDateTime,
}

/// Writes down what happened to an enrolment, under the revision that it came to.
pub async fn log(
    conn: &mut PgConnection,
    enrolment: &Enrolment,
    cause: Cause,
    note: &str,
    actor: &str,
    now: OffsetDateTime,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into enrolment_changes (
             learner_id, enrolment_id, revision, state, reason, note, actor, occurred_at
         )
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(enrolment.learner)
    .bind(enrolment.id)
    .bind(enrolment.revision)
    .bind(enrolment.state.name())
    .bind(cause)
    .bind(note)
    .bind(actor)
    .bind(now)
    .execute(conn)
    .await?;
    Ok(())
}

/// The log of an enrolment, the oldest line first.
pub async fn history(
    db: impl PgExecutor<'_>,
    learner: LearnerId,
    enrolment: EnrolmentId,
) -> Result<Vec<Change>, sqlx::Error> {
    sqlx::query_as(
        "select state, reason, note, actor, occurred_at
         from enrolment_changes
         where learner_id = $1
           and enrolment_id = $2
         order by revision",
    )
    .bind(learner)
    .bind(enrolment)
    .fetch_all(db)
    .await
}
