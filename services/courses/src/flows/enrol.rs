//! Enrols a learner: by the school's decision, and the common way in for entitlements.

use bus::By;
use pg::{Claim, Idempotent};
use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::{
    announce,
    app::App,
    domain::{
        Refusal,
        enrolment::{Cause, Enrolment, Mode, State},
        entitlement::Reach,
        id::{EnrolmentId, EntitlementId, LearnerId, RunId},
        run::{Run, RunState},
    },
    error::{Error, Result},
    store::{enrolments, erasures, runs},
};

/// Whom a member of the staff enrols.
#[derive(Debug, Clone)]
pub struct Enrol {
    pub learner: LearnerId,
    pub run: RunId,
    /// None: for ever.
    pub access_ends_at: Option<OffsetDateTime>,
    pub note: String,
}

pub async fn run(app: &App, actor: &str, key: Option<&Idempotent>, enrol: &Enrol) -> Result<Enrolment> {
    let by = By { actor, now: app.clock.now() };
    if enrol.access_ends_at.is_some_and(|end| end <= by.now) {
        return Err(Refusal::BadDate { field: "access_ends_at", message: "expected an instant later than now" }.into());
    }
    pg::transaction(&app.db, async |conn| {
        if let Some(key) = key
            && let Claim::Replay(made) = key.claim(conn, by.now).await?
        {
            let made = enrolments::lock(conn, enrol.learner, EnrolmentId::from_uuid(made)).await?;
            return Ok::<_, Error>(made.ok_or(Refusal::EnrolmentNotFound)?);
        }
        enrolments::lock_learner(conn, enrol.learner).await?;
        if erasures::known(&mut *conn, enrol.learner).await? {
            return Err(Refusal::LearnerErased.into());
        }
        let run = runs::find(&mut *conn, enrol.run).await?.ok_or(Refusal::RunNotFound)?;
        if run.state != RunState::Published {
            return Err(Refusal::RunNotPublished.into());
        }
        let basis = Basis {
            mode: Mode::Granted,
            entitlement: None,
            reach: Reach { starts_at: by.now, ends_at: enrol.access_ends_at },
            cause: Cause::EnrolledByStaff,
            note: &enrol.note,
        };
        let enrolment = start(conn, enrol.learner, &run, basis, by).await?;
        if let Some(key) = key {
            key.record(conn, enrolment.id.uuid(), by.now).await?;
        }
        Ok(enrolment)
    })
    .await
}

/// What a new enrolment rests on.
pub(super) struct Basis<'a> {
    pub(super) mode: Mode,
    pub(super) entitlement: Option<EntitlementId>,
    pub(super) reach: Reach,
    pub(super) cause: Cause,
    pub(super) note: &'a str,
}

/// Begins the learner's next attempt at a run. The caller holds the learner's lock.
pub(super) async fn start(
    conn: &mut PgConnection,
    learner: LearnerId,
    run: &Run,
    basis: Basis<'_>,
    by: By<'_>,
) -> Result<Enrolment> {
    let attempts = enrolments::attempts(conn, learner, run.id).await?;
    let enrolment = Enrolment {
        id: EnrolmentId::new(by.now),
        learner,
        course: run.course,
        run: run.id,
        attempt: attempts + 1,
        state: State::Active,
        mode: basis.mode,
        entitlement: basis.entitlement,
        starts_at: basis.reach.starts_at,
        access_ends_at: basis.reach.ends_at,
        extended_until: None,
        delay: time::Duration::ZERO,
        completed_at: None,
        created_at: by.now,
        revision: 1,
    };
    enrolments::insert(conn, &enrolment, by.now).await.map_err(once)?;
    enrolments::log(conn, &enrolment, basis.cause, basis.note, by.actor, by.now).await?;
    announce::enrolment_started(conn, &enrolment, by).await?;
    Ok(enrolment)
}

/// Saves a changed enrolment and writes down why it changed.
pub(super) async fn save(
    conn: &mut PgConnection,
    enrolment: &Enrolment,
    cause: Cause,
    note: &str,
    by: By<'_>,
) -> Result<()> {
    enrolments::update(conn, enrolment, by.now).await.map_err(once)?;
    enrolments::log(conn, enrolment, cause, note, by.actor, by.now).await?;
    Ok(())
}

/// A learner learns in a run once at a time.
fn once(error: sqlx::Error) -> Error {
    let twice = ["enrolments_live_uk", "enrolments_attempt_uk"].iter().any(|name| pg::violated(&error, name));
    if twice { Refusal::AlreadyEnrolled.into() } else { error.into() }
}
