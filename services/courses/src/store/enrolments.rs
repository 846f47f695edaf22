//! Enrolments and their log.

use sqlx::{PgConnection, PgExecutor};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::known;
use crate::domain::{
    enrolment::{Cause, Enrolment, Mode, State},
    id::{CourseId, EnrolmentId, EntitlementId, LearnerId, RunId},
};

/// An enrolment's columns carry its name, so that they can stand beside a run's.
#[derive(sqlx::FromRow)]
pub(super) struct EnrolmentRow {
    learner_id: LearnerId,
    enrolment_id: EnrolmentId,
    enrolment_course_id: CourseId,
    enrolment_run_id: RunId,
    attempt: i32,
    enrolment_state: String,
    mode: String,
    entitlement_id: Option<EntitlementId>,
    access_starts_at: OffsetDateTime,
    access_ends_at: Option<OffsetDateTime>,
    extended_until: Option<OffsetDateTime>,
    delay_microseconds: i64,
    paused_since: Option<OffsetDateTime>,
    completed_at: Option<OffsetDateTime>,
    ended_at: Option<OffsetDateTime>,
    enrolment_created_at: OffsetDateTime,
    enrolment_revision: i64,
}

macro_rules! enrolment_columns {
    () => {
        "e.learner_id, e.enrolment_id, e.course_id as enrolment_course_id, e.run_id as enrolment_run_id, e.attempt,
         e.state as enrolment_state, e.mode, e.entitlement_id, e.starts_at as access_starts_at, e.access_ends_at,
         e.extended_until, e.delay_microseconds, e.paused_since, e.completed_at, e.ended_at,
         e.created_at as enrolment_created_at, e.revision as enrolment_revision"
    };
}
pub(super) use enrolment_columns;

impl EnrolmentRow {
    pub(super) fn enrolment(self) -> Result<Enrolment, sqlx::Error> {
        let state = match (self.enrolment_state.as_str(), self.paused_since, self.ended_at) {
            ("active", ..) => Some(State::Active),
            ("completed", ..) => Some(State::Completed),
            ("paused", Some(since), _) => Some(State::Paused { since }),
            ("expired", _, Some(at)) => Some(State::Expired { at }),
            ("withdrawn", _, Some(at)) => Some(State::Withdrawn { at }),
            ("revoked", _, Some(at)) => Some(State::Revoked { at }),
            _ => None,
        };
        Ok(Enrolment {
            id: self.enrolment_id,
            learner: self.learner_id,
            course: self.enrolment_course_id,
            run: self.enrolment_run_id,
            attempt: self.attempt,
            state: known("state of an enrolment", &self.enrolment_state, state)?,
            mode: known("mode", &self.mode, Mode::parse(&self.mode))?,
            entitlement: self.entitlement_id,
            starts_at: self.access_starts_at,
            access_ends_at: self.access_ends_at,
            extended_until: self.extended_until,
            delay: Duration::microseconds(self.delay_microseconds),
            completed_at: self.completed_at,
            created_at: self.enrolment_created_at,
            revision: self.enrolment_revision,
        })
    }
}

fn microseconds(delay: Duration) -> i64 {
    i64::try_from(delay.whole_microseconds()).unwrap_or(i64::MAX)
}

/// Makes everybody who would change the learner's enrolments wait until the end of the transaction, even while there is no
/// row to lock.
pub async fn lock_learner(conn: &mut PgConnection, learner: LearnerId) -> Result<(), sqlx::Error> {
    sqlx::query("select pg_advisory_xact_lock(hashtextextended($1::text, 0))").bind(learner).execute(conn).await?;
    Ok(())
}

pub async fn insert(conn: &mut PgConnection, enrolment: &Enrolment, now: OffsetDateTime) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into enrolments (
             learner_id, enrolment_id, course_id, run_id, attempt, state, mode, entitlement_id, starts_at,
             access_ends_at, extended_until, delay_microseconds, paused_since, completed_at, ended_at, created_at,
             revision, updated_at
         )
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)",
    )
    .bind(enrolment.learner)
    .bind(enrolment.id)
    .bind(enrolment.course)
    .bind(enrolment.run)
    .bind(enrolment.attempt)
    .bind(enrolment.state.name())
    .bind(enrolment.mode.as_str())
    .bind(enrolment.entitlement)
    .bind(enrolment.starts_at)
    .bind(enrolment.access_ends_at)
    .bind(enrolment.extended_until)
    .bind(microseconds(enrolment.delay))
    .bind(enrolment.state.paused_since())
    .bind(enrolment.completed_at)
    .bind(enrolment.state.ended_at())
    .bind(enrolment.created_at)
    .bind(enrolment.revision)
    .bind(now)
    .execute(conn)
    .await?;
    Ok(())
}

pub async fn update(conn: &mut PgConnection, enrolment: &Enrolment, now: OffsetDateTime) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update enrolments
         set state = $3,
             starts_at = $4,
             access_ends_at = $5,
             extended_until = $6,
             delay_microseconds = $7,
             paused_since = $8,
             completed_at = $9,
             ended_at = $10,
             revision = $11,
             updated_at = $12
         where learner_id = $1
           and enrolment_id = $2",
    )
    .bind(enrolment.learner)
    .bind(enrolment.id)
    .bind(enrolment.state.name())
    .bind(enrolment.starts_at)
    .bind(enrolment.access_ends_at)
    .bind(enrolment.extended_until)
    .bind(microseconds(enrolment.delay))
    .bind(enrolment.state.paused_since())
    .bind(enrolment.completed_at)
    .bind(enrolment.state.ended_at())
    .bind(enrolment.revision)
    .bind(now)
    .execute(conn)
    .await?;
    Ok(())
}

/// The learner's live enrolment in a run, held until the end of the transaction.
pub async fn lock_live(
    conn: &mut PgConnection,
    learner: LearnerId,
    run: RunId,
) -> Result<Option<Enrolment>, sqlx::Error> {
    let row: Option<EnrolmentRow> = sqlx::query_as(concat!(
        "select ",
        enrolment_columns!(),
        " from enrolments e
         where e.learner_id = $1
           and e.run_id = $2
           and e.state in ('active', 'paused', 'completed')
         for no key update"
    ))
    .bind(learner)
    .bind(run)
    .fetch_optional(conn)
    .await?;
    row.map(EnrolmentRow::enrolment).transpose()
}

/// An enrolment of the learner, held until the end of the transaction.
pub async fn lock(
    conn: &mut PgConnection,
    learner: LearnerId,
    id: EnrolmentId,
) -> Result<Option<Enrolment>, sqlx::Error> {
    let row: Option<EnrolmentRow> = sqlx::query_as(concat!(
        "select ",
        enrolment_columns!(),
        " from enrolments e
         where e.learner_id = $1
           and e.enrolment_id = $2
         for no key update"
    ))
    .bind(learner)
    .bind(id)
    .fetch_optional(conn)
    .await?;
    row.map(EnrolmentRow::enrolment).transpose()
}

/// An enrolment of the learner.
pub async fn find(
    db: impl PgExecutor<'_>,
    learner: LearnerId,
    id: EnrolmentId,
) -> Result<Option<Enrolment>, sqlx::Error> {
    let row: Option<EnrolmentRow> = sqlx::query_as(concat!(
        "select ",
        enrolment_columns!(),
        " from enrolments e
         where e.learner_id = $1
           and e.enrolment_id = $2"
    ))
    .bind(learner)
    .bind(id)
    .fetch_optional(db)
    .await?;
    row.map(EnrolmentRow::enrolment).transpose()
}

/// Whose enrolment it is, for staff; the scope of everything else.
pub async fn find_for_staff(db: impl PgExecutor<'_>, id: EnrolmentId) -> Result<Option<Enrolment>, sqlx::Error> {
    let row: Option<EnrolmentRow> =
        sqlx::query_as(concat!("select ", enrolment_columns!(), " from enrolments e where e.enrolment_id = $1"))
            .bind(id)
            .fetch_optional(db)
            .await?;
    row.map(EnrolmentRow::enrolment).transpose()
}

/// The live enrolments of a learner, whatever the run, held until the end of the transaction.
pub async fn lock_all_live(conn: &mut PgConnection, learner: LearnerId) -> Result<Vec<Enrolment>, sqlx::Error> {
    let rows: Vec<EnrolmentRow> = sqlx::query_as(concat!(
        "select ",
        enrolment_columns!(),
        " from enrolments e
         where e.learner_id = $1
           and e.state in ('active', 'paused', 'completed')
         order by e.enrolment_id
         for no key update"
    ))
    .bind(learner)
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(EnrolmentRow::enrolment).collect()
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
    let rows: Vec<EnrolmentRow> = sqlx::query_as(concat!(
        "select ",
        enrolment_columns!(),
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
    .await?;
    rows.into_iter().map(EnrolmentRow::enrolment).collect()
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
    let rows: Vec<EnrolmentRow> = sqlx::query_as(concat!(
        "select ",
        enrolment_columns!(),
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
    .await?;
    rows.into_iter().map(EnrolmentRow::enrolment).collect()
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
    .bind(cause.as_str())
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
