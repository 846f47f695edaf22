//! An entitlement was granted: enrols its learner, or gives the live enrolment more time.

use bus::By;
use sqlx::PgConnection;

use super::enrol::{Basis, save, start};
use crate::{
    domain::{
        Refusal,
        enrolment::{Cause, Enrolment, Mode, Settled},
        entitlement::{Entitlement, reach},
    },
    error::Result,
    store::{enrolments, entitlements, erasures, runs},
};

/// Runs in the transaction of the event's inbox row.
pub async fn run(conn: &mut PgConnection, by: By<'_>, entitlement: &Entitlement, version: i64) -> Result<()> {
    let (learner, run) = (entitlement.learner, entitlement.run);
    enrolments::lock_learner(conn, learner).await?;
    if !entitlements::grant(conn, entitlement, version).await? || erasures::known(&mut *conn, learner).await? {
        return Ok(());
    }
    let run = runs::find(&mut *conn, run).await?.ok_or(Refusal::RunNotFound)?;
    let live = entitlements::live(conn, learner, run.id).await?;
    let current = enrolments::lock_live(conn, learner, run.id).await?;
    match Enrolment::entitled(current, reach(&live, by.now)) {
        Settled::Start(reach) => {
            let basis = Basis {
                mode: Mode::Entitled,
                entitlement: Some(entitlement.id),
                reach,
                cause: Cause::EntitlementGranted,
                note: "",
            };
            start(conn, learner, &run, basis, by).await.map(drop)
        }
        Settled::Changed(enrolment) => save(conn, &enrolment, Cause::EntitlementGranted, "", by).await,
        Settled::Nothing => Ok(()),
    }
}
