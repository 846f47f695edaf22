//! What is announced of certificates, and what they need to hear.

use std::sync::Arc;

use bus::{Envelope, Event, Failure};
use proto::lyceum::events::v1::{CertificateIssued, CertificateRevoked, CourseCompleted, ProfileChanged, RunPublished};
use sqlx::PgConnection;
use time::OffsetDateTime;
use values::{Id, Kind, Language};

use crate::{
    App,
    domain::certificate::{Certificate, Completion, Reason},
    flows::issue_certificate,
};

/// Announces that a certificate was issued.
pub(crate) async fn certificate_issued(
    conn: &mut PgConnection,
    certificate: &Certificate,
    actor: &str,
    now: OffsetDateTime,
) -> Result<(), sqlx::Error> {
    let event = CertificateIssued {
        certificate_id: certificate.id.to_string(),
        number: certificate.number.clone(),
        learner_id: certificate.learner.to_string(),
        course_id: certificate.course.to_string(),
        run_id: certificate.run.to_string(),
        enrolment_id: certificate.enrolment.to_string(),
        predecessor_id: text(certificate.predecessor),
    };
    bus::announce(conn, about(certificate, &event), bus::By { actor, now }).await
}

/// Announces that a certificate became void.
pub(crate) async fn certificate_revoked(
    conn: &mut PgConnection,
    certificate: &Certificate,
    reason: Reason,
    actor: &str,
    now: OffsetDateTime,
) -> Result<(), sqlx::Error> {
    let event = CertificateRevoked {
        certificate_id: certificate.id.to_string(),
        number: certificate.number.clone(),
        learner_id: certificate.learner.to_string(),
        reason: reason.as_str().to_owned(),
        successor_id: text(certificate.state.successor()),
    };
    bus::announce(conn, about(certificate, &event), bus::By { actor, now }).await
}

fn about<P: prost::Message + prost::Name>(certificate: &Certificate, event: &P) -> Event {
    Event::new(event, "certificate", certificate.id.uuid(), certificate.version)
}

fn text<K: Kind>(id: Option<Id<K>>) -> String {
    id.map(|id| id.to_string()).unwrap_or_default()
}

/// Issues the certificate.
pub(crate) async fn on_course_completed(
    app: &Arc<App>,
    conn: &mut PgConnection,
    _: &Envelope,
    event: CourseCompleted,
) -> Result<(), Failure> {
    let completed_at = event.completed_at.and_then(|at| at.to_time());
    let completion = Completion {
        enrolment: id("enrolment_id", &event.enrolment_id)?,
        learner: id("learner_id", &event.learner_id)?,
        course: id("course_id", &event.course_id)?,
        run: id("run_id", &event.run_id)?,
        course_version: event.version,
        completed_at: completed_at.ok_or_else(|| Failure::DeadLetter("completed_at is no instant".to_owned()))?,
    };
    issue_certificate::issue_certificate(app, conn, &completion).await
}

/// Keeps the name.
pub(crate) async fn on_profile_changed(
    conn: &mut PgConnection,
    envelope: &Envelope,
    event: ProfileChanged,
) -> Result<(), Failure> {
    let user = id("user_id", &event.user_id)?;
    let language =
        event.language.parse::<Language>().map_err(|error| Failure::DeadLetter(format!("language: {error}")))?;
    let version = envelope.aggregate_version;
    Ok(issue_certificate::keep_holder(conn, user, &event.display_name, language, version).await?)
}

/// Keeps the title.
pub(crate) async fn on_run_published(
    conn: &mut PgConnection,
    envelope: &Envelope,
    event: RunPublished,
) -> Result<(), Failure> {
    let run = id("run_id", &event.run_id)?;
    let version = envelope.aggregate_version;
    Ok(issue_certificate::keep_run(conn, run, &event.title, &event.language, version).await?)
}

/// An id that cannot be read will not be better tomorrow.
fn id<K: Kind>(field: &str, text: &str) -> Result<Id<K>, Failure> {
    text.parse().map_err(|error| Failure::DeadLetter(format!("{field}: {error}")))
}
