//! What is announced about papers and tutors. A paper's events are told apart by the version of its case, a tutor's by the tutor's.

use bus::Event;
use proto::lyceum::{
    documents::v1::PaperKind as PaperKindPb,
    events::v1::{
        DocumentExpired, DocumentExpiring, DocumentRejected, DocumentVerified, TutorVerificationEnded, TutorVerified,
    },
};
use sqlx::PgConnection;
use time::{Date, OffsetDateTime};

use crate::{
    domain::{
        case::Case,
        paper::{PaperKind, Reason, day},
        tutor::Ended,
    },
    store::tutors::Tutor,
};

const CASE: &str = "verification-case";
const TUTOR: &str = "tutor";

/// A paper was verified.
pub async fn document_verified(
    conn: &mut PgConnection,
    case: &Case,
    until: Option<Date>,
    actor: &str,
    now: OffsetDateTime,
) -> Result<(), sqlx::Error> {
    let verified = DocumentVerified {
        case_id: case.id.to_string(),
        tutor_id: case.tutor.to_string(),
        kind: kind(case.kind),
        valid_until: until.map(day).unwrap_or_default(),
    };
    bus::announce(conn, Event::new(&verified, CASE, case.id.uuid(), case.version), bus::By { actor, now }).await
}

/// A paper was refused, or its verification taken back.
pub async fn document_rejected(
    conn: &mut PgConnection,
    case: &Case,
    reason: Reason,
    actor: &str,
    now: OffsetDateTime,
) -> Result<(), sqlx::Error> {
    let rejected = DocumentRejected {
        case_id: case.id.to_string(),
        tutor_id: case.tutor.to_string(),
        kind: kind(case.kind),
        reason: reason.as_str().to_owned(),
    };
    bus::announce(conn, Event::new(&rejected, CASE, case.id.uuid(), case.version), bus::By { actor, now }).await
}

/// A paper runs out soon.
pub async fn document_expiring(
    conn: &mut PgConnection,
    case: &Case,
    until: Date,
    days: i64,
    actor: &str,
    now: OffsetDateTime,
) -> Result<(), sqlx::Error> {
    let expiring = DocumentExpiring {
        case_id: case.id.to_string(),
        tutor_id: case.tutor.to_string(),
        kind: kind(case.kind),
        valid_until: day(until),
        days_left: i32::try_from(days).unwrap_or(i32::MAX),
    };
    bus::announce(conn, Event::new(&expiring, CASE, case.id.uuid(), case.version), bus::By { actor, now }).await
}

/// A paper ran out.
pub async fn document_expired(
    conn: &mut PgConnection,
    case: &Case,
    actor: &str,
    now: OffsetDateTime,
) -> Result<(), sqlx::Error> {
    let expired =
        DocumentExpired { case_id: case.id.to_string(), tutor_id: case.tutor.to_string(), kind: kind(case.kind) };
    bus::announce(conn, Event::new(&expired, CASE, case.id.uuid(), case.version), bus::By { actor, now }).await
}

/// A tutor may teach.
pub async fn tutor_verified(
    conn: &mut PgConnection,
    tutor: &Tutor,
    until: Option<Date>,
    actor: &str,
    now: OffsetDateTime,
) -> Result<(), sqlx::Error> {
    let verified = TutorVerified { tutor_id: tutor.id.to_string(), valid_until: until.map(day).unwrap_or_default() };
    bus::announce(conn, Event::new(&verified, TUTOR, tutor.id.uuid(), tutor.version), bus::By { actor, now }).await
}

/// A tutor may not teach any more.
pub async fn tutor_verification_ended(
    conn: &mut PgConnection,
    tutor: &Tutor,
    why: Ended,
    actor: &str,
    now: OffsetDateTime,
) -> Result<(), sqlx::Error> {
    let ended = TutorVerificationEnded { tutor_id: tutor.id.to_string(), reason: why.as_str().to_owned() };
    bus::announce(conn, Event::new(&ended, TUTOR, tutor.id.uuid(), tutor.version), bus::By { actor, now }).await
}

fn kind(kind: PaperKind) -> String {
    let kind = match kind {
        PaperKind::Identity => PaperKindPb::Identity,
        PaperKind::Education => PaperKindPb::Education,
        PaperKind::NoCriminalRecord => PaperKindPb::NoCriminalRecord,
        PaperKind::TaxStatus => PaperKindPb::TaxStatus,
    };
    kind.as_str_name().to_owned()
}
