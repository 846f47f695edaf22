//! What documents announces, in the transaction that causes it.
//!
//! A paper's events are told apart by the version of its case, a tutor's by the tutor's, a certificate's by its own.

use bus::{By, Event, announce};
use proto::{
    Message, Name,
    lyceum::events::v1::{
        CertificateIssued, CertificateRevoked, DocumentExpired, DocumentExpiring, DocumentRejected, DocumentVerified,
        TutorVerificationEnded, TutorVerified,
    },
};
use sqlx::PgConnection;
use time::Date;
use values::Id;

use crate::domain::{
    Case, Certificate, Tutor,
    certificate::Reason as VoidReason,
    paper::{PaperKind, Reason, day},
    tutor::Ended,
};

type Announced = Result<(), sqlx::Error>;

/// A paper was verified.
pub async fn document_verified(conn: &mut PgConnection, case: &Case, until: Option<Date>, by: By<'_>) -> Announced {
    let verified = DocumentVerified {
        case_id: case.id.to_string(),
        tutor_id: case.tutor.to_string(),
        kind: kind(case.kind),
        valid_until: until.map(day).unwrap_or_default(),
    };
    announce(conn, about_case(case, &verified), by).await
}

/// A paper was refused, or its verification taken back.
pub async fn document_rejected(conn: &mut PgConnection, case: &Case, reason: Reason, by: By<'_>) -> Announced {
    let rejected = DocumentRejected {
        case_id: case.id.to_string(),
        tutor_id: case.tutor.to_string(),
        kind: kind(case.kind),
        reason: reason.as_str().to_owned(),
    };
    announce(conn, about_case(case, &rejected), by).await
}

/// A paper runs out in so many days.
pub async fn document_expiring(conn: &mut PgConnection, case: &Case, until: Date, days: i64, by: By<'_>) -> Announced {
    let expiring = DocumentExpiring {
        case_id: case.id.to_string(),
        tutor_id: case.tutor.to_string(),
        kind: kind(case.kind),
        valid_until: day(until),
        days_left: i32::try_from(days).unwrap_or(i32::MAX),
    };
    announce(conn, about_case(case, &expiring), by).await
}

/// A paper ran out.
pub async fn document_expired(conn: &mut PgConnection, case: &Case, by: By<'_>) -> Announced {
    let (case_id, tutor_id) = (case.id.to_string(), case.tutor.to_string());
    let expired = DocumentExpired { case_id, tutor_id, kind: kind(case.kind) };
    announce(conn, about_case(case, &expired), by).await
}

/// A tutor may teach.
pub async fn tutor_verified(conn: &mut PgConnection, tutor: &Tutor, until: Option<Date>, by: By<'_>) -> Announced {
    let verified = TutorVerified { tutor_id: tutor.id.to_string(), valid_until: until.map(day).unwrap_or_default() };
    announce(conn, about_tutor(tutor, &verified), by).await
}

/// A tutor may not teach any more.
pub async fn tutor_verification_ended(conn: &mut PgConnection, tutor: &Tutor, why: Ended, by: By<'_>) -> Announced {
    let ended = TutorVerificationEnded { tutor_id: tutor.id.to_string(), reason: why.as_str().to_owned() };
    announce(conn, about_tutor(tutor, &ended), by).await
}

/// A certificate was issued.
pub async fn certificate_issued(conn: &mut PgConnection, certificate: &Certificate, by: By<'_>) -> Announced {
    let issued = CertificateIssued {
        certificate_id: certificate.id.to_string(),
        number: certificate.number.clone(),
        learner_id: certificate.learner.to_string(),
        course_id: certificate.course.to_string(),
        run_id: certificate.run.to_string(),
        enrolment_id: certificate.enrolment.to_string(),
        predecessor_id: text(certificate.predecessor),
    };
    announce(conn, about_certificate(certificate, &issued), by).await
}

/// A certificate became void.
pub async fn certificate_revoked(
    conn: &mut PgConnection,
    certificate: &Certificate,
    reason: VoidReason,
    by: By<'_>,
) -> Announced {
    let revoked = CertificateRevoked {
        certificate_id: certificate.id.to_string(),
        number: certificate.number.clone(),
        learner_id: certificate.learner.to_string(),
        reason: reason.as_str().to_owned(),
        successor_id: text(certificate.state.successor()),
    };
    announce(conn, about_certificate(certificate, &revoked), by).await
}

fn about_case<P: Message + Name>(case: &Case, payload: &P) -> Event {
    Event::new(payload, "verification-case", case.id.uuid(), case.version)
}

fn about_tutor<P: Message + Name>(tutor: &Tutor, payload: &P) -> Event {
    Event::new(payload, "tutor", tutor.id.uuid(), tutor.version)
}

fn about_certificate<P: Message + Name>(certificate: &Certificate, payload: &P) -> Event {
    Event::new(payload, "certificate", certificate.id.uuid(), certificate.version)
}

fn text<K: values::Kind>(id: Option<Id<K>>) -> String {
    id.map(|id| id.to_string()).unwrap_or_default()
}

/// The name that the contract gives a kind of paper.
fn kind(kind: PaperKind) -> String {
    format!("PAPER_KIND_{}", kind.as_str().to_ascii_uppercase())
}
