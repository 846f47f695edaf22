//! An entitlement was revoked: ends the enrolment, or shortens it to what the learner's other entitlements reach.

use bus::By;
use sqlx::PgConnection;

use super::enrol::save;
use crate::{
    announce,
    domain::{
        enrolment::{Cause, Enrolment, Settled},
        entitlement::reach,
    },
    error::Result,
    store::{enrolments, entitlements, entitlements::Revocation},
};

/// Runs in the transaction of the event's inbox row.
pub async fn run(conn: &mut PgConnection, by: By<'_>, revocation: &Revocation, version: i64) -> Result<()> {
    let (learner, run) = (revocation.learner, revocation.run);
    enrolments::lock_learner(conn, learner).await?;
    if !entitlements::revoke(conn, revocation, version).await? {
        return Ok(());
    }
    let live = entitlements::live(conn, learner, run).await?;
    let current = enrolments::lock_live(conn, learner, run).await?;
    let Settled::Changed(enrolment) = Enrolment::unentitled(current, reach(&live, by.now), by.now) else {
        return Ok(());
    };
    save(conn, &enrolment, Cause::EntitlementRevoked, "", by).await?;
    if !enrolment.state.live() {
        announce::enrolment_ended(conn, &enrolment, Cause::EntitlementRevoked, by).await?;
    }
    Ok(())
}
