//! Who may use what. Written under the order's lock only.

use sqlx::{PgConnection, QueryBuilder};

use crate::domain::{Entitlement, EntitlementId, OrderId, RunId, UserId};

/// Writes a new entitlement.
pub async fn insert(conn: &mut PgConnection, entitlement: &Entitlement) -> Result<(), sqlx::Error> {
    pg::insert(conn, "entitlements", entitlement).await
}

/// Writes a changed entitlement over the old one.
pub async fn update(conn: &mut PgConnection, entitlement: &Entitlement) -> Result<(), sqlx::Error> {
    pg::update(conn, "entitlements", entitlement).await
}

/// What an order of a learner opened.
pub async fn of_order(
    conn: &mut PgConnection,
    learner: UserId,
    order: OrderId,
) -> Result<Vec<Entitlement>, sqlx::Error> {
    sqlx::query_as(pg::sql!(
        "select ",
        Entitlement,
        " from entitlements where learner_id = $1 and order_id = $2 order by entitlement_id"
    ))
    .bind(learner)
    .bind(order)
    .fetch_all(conn)
    .await
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
    limit: i64,
) -> Result<Vec<Entitlement>, sqlx::Error> {
    let mut query = QueryBuilder::new(pg::sql!("select ", Entitlement, " from entitlements where learner_id = "));
    query.push_bind(learner);
    if let Some(after) = after {
        query.push(" and entitlement_id < ").push_bind(after);
    }
    query.push(" order by entitlement_id desc limit ").push_bind(limit);
    query.build_query_as().fetch_all(conn).await
}

/// Everybody's entitlements that come after `after`, for copies that are rebuilt.
pub async fn export(
    conn: &mut PgConnection,
    after: Option<(UserId, EntitlementId)>,
    limit: i64,
) -> Result<Vec<Entitlement>, sqlx::Error> {
    let mut query = QueryBuilder::new(pg::sql!("select ", Entitlement, " from entitlements"));
    if let Some((learner, id)) = after {
        query.push(" where (learner_id, entitlement_id) > (").push_bind(learner);
        query.push(", ").push_bind(id).push(")");
    }
    query.push(" order by learner_id, entitlement_id limit ").push_bind(limit);
    query.build_query_as().fetch_all(conn).await
}
