//! Enrolments and their log.

use sqlx::{PgConnection, PgExecutor, QueryBuilder};
use time::OffsetDateTime;
use uuid::Uuid;
use values::{
    Named, Record,
    made::{self, within},
};

use crate::domain::{
    enrolment::{Cause, Enrolment, StateName},
    id::{CourseId, EnrolmentId, LearnerId, RunId},
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

/// The learner's live enrolment in a run, locked until the end of the transaction.
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

/// An enrolment of the learner, locked until the end of the transaction.
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

/// The live enrolments of a learner, whatever the run, locked until the end of the transaction.
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
    pub course: Option<CourseId>,
    pub run: Option<RunId>,
    pub learner: Option<LearnerId>,
    pub state: Option<StateName>,
    pub created: made::Range,
    pub starts: made::Range,
    pub order: Order,
}

/// In which order enrolments are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Named)]
pub enum Order {
    #[default]
    CreatedAtDesc,
    StartsAtDesc,
    /// Those without an end are the last.
    AccessEndsAt,
}

/// Where a page of the staff's list begins: after this enrolment. Beside the id stands what the list is in the order of,
/// as it was when the page before was read: an enrolment that changes since then moves no page.
pub type After = (Option<OffsetDateTime>, EnrolmentId);

/// Where the page after this enrolment begins.
pub fn after(order: Order, last: &Enrolment) -> After {
    match order {
        Order::CreatedAtDesc => (None, last.id),
        Order::StartsAtDesc => (Some(last.starts_at), last.id),
        Order::AccessEndsAt => (last.access_ends_at, last.id),
    }
}

/// Enrolments of everybody, for staff. The statement has only the conditions that are asked for, so that each finds its index.
pub async fn list_for_staff(
    db: impl PgExecutor<'_>,
    filter: Filter,
    after: Option<After>,
    limit: i64,
) -> Result<Vec<Enrolment>, sqlx::Error> {
    let mut query = QueryBuilder::new(pg::sql!("select ", Enrolment as e, " from enrolments e where true"));
    if let Some(course) = filter.course {
        query.push(" and e.course_id = ").push_bind(course);
    }
    if let Some(run) = filter.run {
        query.push(" and e.run_id = ").push_bind(run);
    }
    if let Some(learner) = filter.learner {
        query.push(" and e.learner_id = ").push_bind(learner);
    }
    if let Some(state) = filter.state {
        query.push(" and e.state = ").push_bind(state);
    }
    within(&mut query, ("e.created_at", "e.enrolment_id"), filter.created);
    if let Some(from) = filter.starts.0 {
        query.push(" and e.starts_at >= ").push_bind(from);
    }
    if let Some(before) = filter.starts.1 {
        query.push(" and e.starts_at < ").push_bind(before);
    }
    if let Some((at, id)) = after {
        match filter.order {
            Order::CreatedAtDesc => query.push(" and e.enrolment_id < ").push_bind(id),
            Order::StartsAtDesc => {
                query.push(" and (e.starts_at, e.enrolment_id) < (").push_bind(at).push(", ").push_bind(id).push(")")
            }
            Order::AccessEndsAt => {
                query.push(" and (coalesce(e.access_ends_at, 'infinity'), e.enrolment_id) > (coalesce(").push_bind(at);
                query.push(", 'infinity'), ").push_bind(id).push(")")
            }
        };
    }
    query.push(match filter.order {
        Order::CreatedAtDesc => " order by e.enrolment_id desc limit ",
        Order::StartsAtDesc => " order by e.starts_at desc, e.enrolment_id desc limit ",
        Order::AccessEndsAt => " order by coalesce(e.access_ends_at, 'infinity'), e.enrolment_id limit ",
    });
    query.push_bind(limit).build_query_as().fetch_all(db).await
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
    let (learner, enrolment) = after.map_or((Uuid::nil(), Uuid::nil()), |(a, b)| (a.uuid(), b.uuid()));
    let mut query = QueryBuilder::new(pg::sql!("select ", Enrolment as e, " from enrolments e where"));
    query.push(" (e.learner_id, e.enrolment_id) > (").push_bind(learner).push(", ").push_bind(enrolment).push(")");
    if let Some(since) = changed_since {
        query.push(" and e.updated_at >= ").push_bind(since);
    }
    query.push(" order by e.learner_id, e.enrolment_id limit ").push_bind(limit);
    query.build_query_as().fetch_all(db).await
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
#[derive(Debug, Clone, PartialEq, Eq, Record)]
pub struct Change {
    pub state: StateName,
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
    sqlx::query_as(pg::sql!(
        "select ",
        Change,
        " from enrolment_changes
         where learner_id = $1
           and enrolment_id = $2
         order by revision"
    ))
    .bind(learner)
    .bind(enrolment)
    .fetch_all(db)
    .await
}
