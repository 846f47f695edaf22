//! Our copy of the entitlements. A copy applies only a higher version, whatever the order of arrival.

use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::domain::{
    entitlement::Entitlement,
    id::{EntitlementId, LearnerId, OrderId, RunId},
};

/// Keeps a grant; false if something newer is known, such as its revocation.
pub async fn grant(conn: &mut PgConnection, entitlement: &Entitlement, version: i64) -> Result<bool, sqlx::Error> {
    let written = sqlx::query(
        "insert into entitlements (
             learner_id, entitlement_id, run_id, order_id, starts_at, ends_at, version
         )
         values ($1, $2, $3, $4, $5, $6, $7)
         on conflict on constraint entitlements_pk do update
         set starts_at = excluded.starts_at,
             ends_at = excluded.ends_at,
             revoked_at = null,
             revoked_reason = null,
             version = excluded.version
         where entitlements.version < excluded.version",
    )
    .bind(entitlement.learner)
    .bind(entitlement.id)
    .bind(entitlement.run)
    .bind(entitlement.order)
    .bind(entitlement.starts_at)
    .bind(entitlement.ends_at)
    .bind(version)
    .execute(conn)
    .await?;
    Ok(written.rows_affected() == 1)
}

/// What a revocation says.
#[derive(Debug, Clone)]
pub struct Revocation {
    pub entitlement: EntitlementId,
    pub learner: LearnerId,
    pub run: RunId,
    pub order: OrderId,
    pub reason: String,
    pub revoked_at: OffsetDateTime,
}

/// Keeps a revocation, also of an entitlement that is not known yet; false if something newer is known.
pub async fn revoke(conn: &mut PgConnection, revocation: &Revocation, version: i64) -> Result<bool, sqlx::Error> {
    let written = sqlx::query(
        "insert into entitlements (
             learner_id, entitlement_id, run_id, order_id, revoked_at, revoked_reason, version
         )
         values ($1, $2, $3, $4, $5, $6, $7)
         on conflict on constraint entitlements_pk do update
         set revoked_at = excluded.revoked_at,
             revoked_reason = excluded.revoked_reason,
             version = excluded.version
         where entitlements.version < excluded.version",
    )
    .bind(revocation.learner)
    .bind(revocation.entitlement)
    .bind(revocation.run)
    .bind(revocation.order)
    .bind(revocation.revoked_at)
    .bind(&revocation.reason)
    .bind(version)
    .execute(conn)
    .await?;
    Ok(written.rows_affected() == 1)
}

/// What entitles the learner to the run and was not revoked; its time may be over.
pub async fn live(conn: &mut PgConnection, learner: LearnerId, run: RunId) -> Result<Vec<Entitlement>, sqlx::Error> {
    sqlx::query_as(pg::sql!(
        "select ",
        Entitlement,
        " from entitlements
         where learner_id = $1
           and run_id = $2
           and revoked_at is null
         order by entitlement_id"
    ))
    .bind(learner)
    .bind(run)
    .fetch_all(conn)
    .await
}
