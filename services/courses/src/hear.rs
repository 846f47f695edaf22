//! What is done about the events of other services. Each handler runs in the transaction of its event's inbox row.

use std::sync::Arc;

use bus::{Amqp, By, Consumer, Envelope, Failure, field};
use proto::lyceum::events::v1::{EntitlementGranted, EntitlementRevoked, UserErased};
use sqlx::PgConnection;

use crate::{
    app::App,
    domain::entitlement::Entitlement,
    flows::{erase_learner, grant_entitlement, revoke_entitlement},
    store::entitlements::Revocation,
};

/// One queue for all replicas.
pub fn consumer(name: &'static str, app: &Arc<App>, amqp: Amqp) -> Consumer {
    Consumer::new(name, app.db.clone(), amqp, app.clock.clone())
        .on::<EntitlementGranted>(bus::with(app, entitlement_granted))
        .on::<EntitlementRevoked>(bus::with(app, entitlement_revoked))
        .on::<UserErased>(bus::with(app, user_erased))
}

pub async fn entitlement_granted(
    app: &Arc<App>,
    conn: &mut PgConnection,
    envelope: &Envelope,
    event: EntitlementGranted,
) -> Result<(), Failure> {
    let entitlement = Entitlement {
        id: field::id("entitlement_id", &event.entitlement_id)?,
        learner: field::id("learner_id", &event.learner_id)?,
        run: field::id("run_id", &event.run_id)?,
        order: field::id("order_id", &event.order_id)?,
        starts_at: field::instant("starts_at", event.starts_at)?,
        ends_at: field::optional_instant("ends_at", event.ends_at)?,
    };
    let by = By::cause(envelope, app.clock.now());
    Ok(grant_entitlement::run(conn, by, &entitlement, envelope.aggregate_version).await?)
}

pub async fn entitlement_revoked(
    app: &Arc<App>,
    conn: &mut PgConnection,
    envelope: &Envelope,
    event: EntitlementRevoked,
) -> Result<(), Failure> {
    let by = By::cause(envelope, app.clock.now());
    let revocation = Revocation {
        entitlement: field::id("entitlement_id", &event.entitlement_id)?,
        learner: field::id("learner_id", &event.learner_id)?,
        run: field::id("run_id", &event.run_id)?,
        order: field::id("order_id", &event.order_id)?,
        reason: event.reason,
        revoked_at: by.now,
    };
    Ok(revoke_entitlement::run(conn, by, &revocation, envelope.aggregate_version).await?)
}

pub async fn user_erased(
    app: &Arc<App>,
    conn: &mut PgConnection,
    envelope: &Envelope,
    event: UserErased,
) -> Result<(), Failure> {
    let by = By::cause(envelope, app.clock.now());
    Ok(erase_learner::run(conn, by, field::id("user_id", &event.user_id)?).await?)
}
