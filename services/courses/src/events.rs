//! The voice and the ear: what courses announces, and what it does about what it hears.

use std::sync::Arc;

pub use bus::By;
use bus::{Envelope, Event, Failure, announce};
use proto::lyceum::events::v1::{
    CourseCompleted, EnrolmentEnded, EnrolmentStarted, EntitlementGranted, EntitlementRevoked, LessonCompleted,
    PublishedLesson, RunPublished, UserErased,
};
use sqlx::PgConnection;
use values::{Id, Kind};

use crate::{
    app::App,
    domain::{
        course::Course,
        enrolment::{Cause, Enrolment},
        entitlement::Entitlement,
        id::LessonId,
        outline::Outline,
        run::Run,
    },
    flows::{erase_learner, grant_entitlement, revoke_entitlement},
    store::entitlements::Revocation,
};

/// `outline` is that of the version which the run shows now.
pub async fn run_published(
    conn: &mut PgConnection,
    run: &Run,
    course: &Course,
    outline: &Outline,
    by: By<'_>,
) -> Result<(), sqlx::Error> {
    let lessons = outline.lessons().map(|lesson| PublishedLesson {
        lesson_id: lesson.id.to_string(),
        title: lesson.title.to_string(),
        required: lesson.required,
    });
    let payload = RunPublished {
        course_id: run.course.to_string(),
        run_id: run.id.to_string(),
        version: run.version,
        title: course.page.title.to_string(),
        language: course.page.language.as_str().to_owned(),
        lessons: lessons.collect(),
    };
    announce(conn, Event::new(&payload, "run", run.id.uuid(), run.revision), by).await
}

pub async fn enrolment_started(conn: &mut PgConnection, enrolment: &Enrolment, by: By<'_>) -> Result<(), sqlx::Error> {
    let payload = EnrolmentStarted {
        enrolment_id: enrolment.id.to_string(),
        learner_id: enrolment.learner.to_string(),
        course_id: enrolment.course.to_string(),
        run_id: enrolment.run.to_string(),
        entitlement_id: enrolment.entitlement.map(|id| id.to_string()).unwrap_or_default(),
    };
    announce(conn, about(enrolment, &payload), by).await
}

pub async fn enrolment_ended(
    conn: &mut PgConnection,
    enrolment: &Enrolment,
    cause: Cause,
    by: By<'_>,
) -> Result<(), sqlx::Error> {
    let payload = EnrolmentEnded {
        enrolment_id: enrolment.id.to_string(),
        learner_id: enrolment.learner.to_string(),
        course_id: enrolment.course.to_string(),
        run_id: enrolment.run.to_string(),
        reason: cause.as_str().to_owned(),
    };
    announce(conn, about(enrolment, &payload), by).await
}

pub async fn lesson_completed(
    conn: &mut PgConnection,
    enrolment: &Enrolment,
    lesson: LessonId,
    by: By<'_>,
) -> Result<(), sqlx::Error> {
    let payload = LessonCompleted {
        enrolment_id: enrolment.id.to_string(),
        learner_id: enrolment.learner.to_string(),
        course_id: enrolment.course.to_string(),
        run_id: enrolment.run.to_string(),
        lesson_id: lesson.to_string(),
    };
    announce(conn, about(enrolment, &payload), by).await
}

pub async fn course_completed(
    conn: &mut PgConnection,
    enrolment: &Enrolment,
    version: i32,
    by: By<'_>,
) -> Result<(), sqlx::Error> {
    let payload = CourseCompleted {
        enrolment_id: enrolment.id.to_string(),
        learner_id: enrolment.learner.to_string(),
        course_id: enrolment.course.to_string(),
        run_id: enrolment.run.to_string(),
        version,
        completed_at: enrolment.completed_at.map(Into::into),
    };
    announce(conn, about(enrolment, &payload), by).await
}

fn about(enrolment: &Enrolment, payload: &impl proto::Name) -> Event {
    Event::new(payload, "enrolment", enrolment.id.uuid(), enrolment.revision)
}

pub async fn on_entitlement_granted(
    app: &Arc<App>,
    conn: &mut PgConnection,
    envelope: &Envelope,
    event: EntitlementGranted,
) -> Result<(), Failure> {
    let instant = |field: &str, at: proto::wkt::Timestamp| {
        at.to_time().ok_or_else(|| Failure::DeadLetter(format!("{field} is no instant")))
    };
    let starts_at = event.starts_at.ok_or_else(|| Failure::DeadLetter("starts_at is missing".to_owned()))?;
    let entitlement = Entitlement {
        id: id("entitlement_id", &event.entitlement_id)?,
        learner: id("learner_id", &event.learner_id)?,
        run: id("run_id", &event.run_id)?,
        order: id("order_id", &event.order_id)?,
        starts_at: instant("starts_at", starts_at)?,
        ends_at: event.ends_at.map(|at| instant("ends_at", at)).transpose()?,
    };
    let by = By { actor: &envelope.actor, now: app.clock.now() };
    Ok(grant_entitlement::run(conn, by, &entitlement, envelope.aggregate_version).await?)
}

pub async fn on_entitlement_revoked(
    app: &Arc<App>,
    conn: &mut PgConnection,
    envelope: &Envelope,
    event: EntitlementRevoked,
) -> Result<(), Failure> {
    let now = app.clock.now();
    let revocation = Revocation {
        entitlement: id("entitlement_id", &event.entitlement_id)?,
        learner: id("learner_id", &event.learner_id)?,
        run: id("run_id", &event.run_id)?,
        order: id("order_id", &event.order_id)?,
        reason: event.reason,
        revoked_at: now,
    };
    let by = By { actor: &envelope.actor, now };
    Ok(revoke_entitlement::run(conn, by, &revocation, envelope.aggregate_version).await?)
}

pub async fn on_user_erased(
    app: &Arc<App>,
    conn: &mut PgConnection,
    envelope: &Envelope,
    event: UserErased,
) -> Result<(), Failure> {
    let by = By { actor: &envelope.actor, now: app.clock.now() };
    Ok(erase_learner::run(conn, by, id("user_id", &event.user_id)?).await?)
}

/// An id that cannot be read will not be better tomorrow.
fn id<K: Kind>(field: &str, text: &str) -> Result<Id<K>, Failure> {
    text.parse().map_err(|error| Failure::DeadLetter(format!("{field}: {error}")))
}
