//! Who may use what. Written under the order's lock only.

use sqlx::{FromRow, PgConnection};
use time::OffsetDateTime;

use super::broken;
use crate::domain::{CourseId, Entitlement, EntitlementId, Grant, OrderId, RunId, UserId, entitlement::State};

#[derive(FromRow)]
struct Row {
    learner_id: UserId,
    entitlement_id: EntitlementId,
    order_id: OrderId,
    run_id: RunId,
    course_id: CourseId,
    title: String,
    starts_at: OffsetDateTime,
    ends_at: Option<OffsetDateTime>,
    state: String,
    revoked_at: Option<OffsetDateTime>,
    revoked_reason: Option<String>,
    version: i64,
}

fn read(row: Row) -> Result<Entitlement, sqlx::Error> {
    let state = match (row.state.as_str(), row.revoked_at, row.revoked_reason) {
        ("active", None, None) => State::Active,
        ("revoked", Some(at), Some(reason)) => State::Revoked { at, reason },
        _ => return Err(broken("entitlement state")),
    };
    // How long it lasts is said by its end; the length that was sold is in the order.
    let grant = Grant { run: row.run_id, course: row.course_id, title: row.title, access: None };
    Ok(Entitlement {
        id: row.entitlement_id,
        order: row.order_id,
        learner: row.learner_id,
        grant,
        starts_at: row.starts_at,
        ends_at: row.ends_at,
        state,
        version: row.version,
    })
}

/// Writes a new entitlement.
pub async fn insert(conn: &mut PgConnection, entitlement: &Entitlement) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into entitlements (
             learner_id, entitlement_id, order_id, run_id, course_id, title, starts_at, ends_at, state, version
         )
         values ($1, $2, $3, $4, $5, $6, $7, $8, 'active', $9)",
    )
    .bind(entitlement.learner)
    .bind(entitlement.id)
    .bind(entitlement.order)
    .bind(entitlement.grant.run)
    .bind(entitlement.grant.course)
    .bind(&entitlement.grant.title)
    .bind(entitlement.starts_at)
    .bind(entitlement.ends_at)
    .bind(entitlement.version)
    .execute(conn)
    .await?;
    Ok(())
}

/// Writes that an entitlement was taken away.
pub async fn revoke(conn: &mut PgConnection, entitlement: &Entitlement) -> Result<(), sqlx::Error> {
    let State::Revoked { at, reason } = &entitlement.state else { return Ok(()) };
    sqlx::query(
        "update entitlements
         set state = 'revoked', revoked_at = $3, revoked_reason = $4, version = $5
         where learner_id = $1
           and entitlement_id = $2",
    )
    .bind(entitlement.learner)
    .bind(entitlement.id)
    .bind(at)
    .bind(reason)
    .bind(entitlement.version)
    .execute(conn)
    .await?;
    Ok(())
}

/// What an order of a learner opened.
pub async fn of_order(
    conn: &mut PgConnection,
    learner: UserId,
    order: OrderId,
) -> Result<Vec<Entitlement>, sqlx::Error> {
    let rows: Vec<Row> = sqlx::query_as(
        "select learner_id, entitlement_id, order_id, run_id, course_id, title, starts_at, ends_at, state,
                revoked_at, revoked_reason, version
         from entitlements
         where learner_id = $1
           and order_id = $2
         order by entitlement_id",
    )
    .bind(learner)
    .bind(order)
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(read).collect()
}

/// Those of the runs that a learner may use for ever.
pub async fn owned_for_ever(
    conn: &mut PgConnection,
    learner: UserId,
    runs: &[RunId],
) -> Result<Vec<RunId>, sqlx::Error> {
    sqlx::query_scalar(
        "select distinct run_id
         from entitlements
         where learner_id = $1
           and run_id = any($2)
           and state = 'active'
           and ends_at is null",
    )
    .bind(learner)
    .bind(runs)
    .fetch_all(conn)
    .await
}

/// A learner's entitlements that come after `after`, newest first.
pub async fn list(
    conn: &mut PgConnection,
    learner: UserId,
    after: Option<EntitlementId>,
    most: i64,
) -> Result<Vec<Entitlement>, sqlx::Error> {
    let rows: Vec<Row> = sqlx::query_as(
        "select learner_id, entitlement_id, order_id, run_id, course_id, title, starts_at, ends_at, state,
                revoked_at, revoked_reason, version
         from entitlements
         where learner_id = $1
           and ($2::uuid is null or entitlement_id < $2)
         order by entitlement_id desc
         limit $3",
    )
    .bind(learner)
    .bind(after)
    .bind(most)
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(read).collect()
}

/// Everybody's entitlements that come after `after`, for copies that are rebuilt.
pub async fn export(
    conn: &mut PgConnection,
    after: Option<(UserId, EntitlementId)>,
    most: i64,
) -> Result<Vec<Entitlement>, sqlx::Error> {
    let (learner, id) = after.unzip();
    let rows: Vec<Row> = sqlx::query_as(
        "select learner_id, entitlement_id, order_id, run_id, course_id, title, starts_at, ends_at, state,
                revoked_at, revoked_reason, version
         from entitlements
         where $1::uuid is null or (learner_id, entitlement_id) > ($1, $2)
         order by learner_id, entitlement_id
         limit $3",
    )
    .bind(learner)
    .bind(id)
    .bind(most)
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(read).collect()
}
