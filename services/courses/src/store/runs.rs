//! Runs.

use sqlx::{PgConnection, PgExecutor};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{known, stored};
use crate::domain::{
    course::Title,
    id::{CourseId, RunId},
    run::{Pacing, Run, RunPlan, RunState, Sequence, Window},
};

/// A run's columns carry its name, so that they can stand beside an enrolment's.
#[derive(sqlx::FromRow)]
pub(super) struct RunRow {
    run_id: RunId,
    run_course_id: CourseId,
    run_state: String,
    run_title: String,
    pacing: String,
    sequence: String,
    run_starts_at: Option<OffsetDateTime>,
    run_ends_at: Option<OffsetDateTime>,
    enrolment_starts_at: Option<OffsetDateTime>,
    enrolment_ends_at: Option<OffsetDateTime>,
    version: Option<i32>,
    run_revision: i64,
    run_created_at: OffsetDateTime,
    run_updated_at: OffsetDateTime,
}

macro_rules! run_columns {
    () => {
        "r.run_id, r.course_id as run_course_id, r.state as run_state, r.title as run_title, r.pacing, r.sequence,
         r.starts_at as run_starts_at, r.ends_at as run_ends_at, r.enrolment_starts_at, r.enrolment_ends_at,
         r.version, r.revision as run_revision, r.created_at as run_created_at, r.updated_at as run_updated_at"
    };
}
pub(super) use run_columns;

impl RunRow {
    pub(super) fn run(self) -> Result<Run, sqlx::Error> {
        Ok(Run {
            id: self.run_id,
            course: self.run_course_id,
            state: known("state of a run", &self.run_state, RunState::parse(&self.run_state))?,
            plan: RunPlan {
                title: stored(Title::parse(&self.run_title))?,
                pacing: known("pacing", &self.pacing, Pacing::parse(&self.pacing))?,
                sequence: known("sequence", &self.sequence, Sequence::parse(&self.sequence))?,
                lessons: stored(Window::new(self.run_starts_at, self.run_ends_at))?,
                enrolment: stored(Window::new(self.enrolment_starts_at, self.enrolment_ends_at))?,
            },
            version: self.version.unwrap_or(0),
            revision: self.run_revision,
            created_at: self.run_created_at,
            updated_at: self.run_updated_at,
        })
    }
}

pub async fn insert(conn: &mut PgConnection, run: &Run) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into runs (
             run_id, course_id, state, title, pacing, sequence, starts_at, ends_at, enrolment_starts_at,
             enrolment_ends_at, version, revision, created_at, updated_at
         )
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, nullif($11, 0), $12, $13, $14)",
    )
    .bind(run.id)
    .bind(run.course)
    .bind(run.state.as_str())
    .bind(run.plan.title.as_str())
    .bind(run.plan.pacing.as_str())
    .bind(run.plan.sequence.as_str())
    .bind(run.plan.lessons.starts_at)
    .bind(run.plan.lessons.ends_at)
    .bind(run.plan.enrolment.starts_at)
    .bind(run.plan.enrolment.ends_at)
    .bind(run.version)
    .bind(run.revision)
    .bind(run.created_at)
    .bind(run.updated_at)
    .execute(conn)
    .await?;
    Ok(())
}

pub async fn update(conn: &mut PgConnection, run: &Run) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update runs
         set state = $2,
             title = $3,
             pacing = $4,
             sequence = $5,
             starts_at = $6,
             ends_at = $7,
             enrolment_starts_at = $8,
             enrolment_ends_at = $9,
             version = nullif($10, 0),
             revision = $11,
             updated_at = $12
         where run_id = $1",
    )
    .bind(run.id)
    .bind(run.state.as_str())
    .bind(run.plan.title.as_str())
    .bind(run.plan.pacing.as_str())
    .bind(run.plan.sequence.as_str())
    .bind(run.plan.lessons.starts_at)
    .bind(run.plan.lessons.ends_at)
    .bind(run.plan.enrolment.starts_at)
    .bind(run.plan.enrolment.ends_at)
    .bind(run.version)
    .bind(run.revision)
    .bind(run.updated_at)
    .execute(conn)
    .await?;
    Ok(())
}

/// A run in any state.
pub async fn find(db: impl PgExecutor<'_>, id: RunId) -> Result<Option<Run>, sqlx::Error> {
    let row: Option<RunRow> = sqlx::query_as(concat!("select ", run_columns!(), " from runs r where r.run_id = $1"))
        .bind(id)
        .fetch_optional(db)
        .await?;
    row.map(RunRow::run).transpose()
}

/// The same, held until the end of the transaction.
pub async fn lock(conn: &mut PgConnection, id: RunId) -> Result<Option<Run>, sqlx::Error> {
    let row: Option<RunRow> =
        sqlx::query_as(concat!("select ", run_columns!(), " from runs r where r.run_id = $1 for no key update"))
            .bind(id)
            .fetch_optional(conn)
            .await?;
    row.map(RunRow::run).transpose()
}

/// The runs of a course, the newest first; only the published ones for everybody, all of them for editors.
pub async fn list(
    db: impl PgExecutor<'_>,
    course: CourseId,
    only_published: bool,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Run>, sqlx::Error> {
    let rows: Vec<RunRow> = sqlx::query_as(concat!(
        "select ",
        run_columns!(),
        " from runs r
         where r.course_id = $1
           and (not $2 or r.state = 'published')
           and ($3::uuid is null or r.run_id < $3)
         order by r.run_id desc
         limit $4"
    ))
    .bind(course)
    .bind(only_published)
    .bind(after)
    .bind(limit)
    .fetch_all(db)
    .await?;
    rows.into_iter().map(RunRow::run).collect()
}

/// Runs whose present version was not looked through for learners who are done by it.
pub async fn unsettled(db: impl PgExecutor<'_>, limit: i64) -> Result<Vec<RunId>, sqlx::Error> {
    sqlx::query_scalar(
        "select run_id
         from runs
         where version is distinct from settled_version
         limit $1",
    )
    .bind(limit)
    .fetch_all(db)
    .await
}

pub async fn mark_settled(db: impl PgExecutor<'_>, id: RunId, version: i32) -> Result<(), sqlx::Error> {
    sqlx::query("update runs set settled_version = $2 where run_id = $1").bind(id).bind(version).execute(db).await?;
    Ok(())
}
