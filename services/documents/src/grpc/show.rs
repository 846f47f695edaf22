//! Values as messages.

use contract::{given, message, show};
use proto::lyceum::documents::v1 as pb;
use time::OffsetDateTime;

use crate::{
    bucket::{Link, WriteLink},
    domain::{
        Case, Certificate, File, Tutor, Upload, case, certificate, file,
        paper::{AskedPapers, PaperKind},
        tutor::Standing,
        upload,
    },
    flows::{look_at_files::Seen, sign_parts::SignedPart},
    store::{cases::Entry, certificates::Linked},
};

/// Whom the tutor sees instead of a reviewer.
const REVIEWER: &str = "reviewer";

contract::twins! {
    case::StateName => pb::verification_case::State, case::OrderBy => pb::list_verification_cases_request::OrderBy,
    certificate::StateName => pb::certificate::State, certificate::OrderBy => pb::list_certificates_request::OrderBy,
    file::Kind => pb::file::Kind, upload::StateName => pb::upload::State, PaperKind => pb::PaperKind,
}

contract::show! {
    link: Link => pb::DownloadLink { url: link.url, expires_at: link.expires_at }

    link: WriteLink => pb::UploadLink {
        url: link.url, method: "PUT", expires_at: link.expires_at,
        headers = link.headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
    }

    part: SignedPart => pb::PartLink { number: part.number, size_bytes: part.size, link: part.link }

    file: File => pb::File {
        file_id: file.id, kind: file.kind, name: file.name, content_type: file.content_type, size_bytes: file.size,
        sha256: file.sha256, owner_id: file.owner, created_at: file.created_at,
    }

    entry: Entry => pb::CaseEntry { what: entry.what, actor: entry.actor, detail: given(entry.detail), at: entry.at }

    case: Case => pb::VerificationCase {
        case_id: case.id, tutor_id: case.tutor, kind: case.kind, state: case.state.name(), reason: case.state.reason(),
        valid_until: case.until(), deadline: case.state.deadline(), file_ids: case.files, comment: given(case.comment),
        created_at: case.created_at, updated_at: case.updated_at, history = Vec::new(),
    }

    seen: Seen => pb::CaseFileLink {
        file_id: seen.file.id, name: seen.file.name, content_type: seen.file.content_type, url: seen.link.url,
        expires_at: seen.link.expires_at,
    }

    certificate: Certificate => pb::ExportedCertificate {
        certificate_id: certificate.id, learner_id: certificate.learner, course_id: certificate.course,
        run_id: certificate.run, enrolment_id: certificate.enrolment, valid: certificate.state.holds(),
        issued_at: certificate.issued_at, revoked_at: certificate.state.voided().map(|(at, _)| at),
        predecessor_id: certificate.predecessor, version: certificate.version,
    }

    tutor: Tutor => pb::ExportedTutor {
        tutor_id: tutor.id, verified: tutor.standing != Standing::Unverified, valid_until: tutor.standing.until(),
        version: tutor.version,
    }
}

/// An upload without what the store knows of it.
pub(super) fn upload(upload: Upload, link: Option<WriteLink>, now: OffsetDateTime) -> pb::Upload {
    message! { pb::Upload {
        upload_id: upload.id, kind: upload.kind, content_type: upload.content_type, size_bytes: upload.size,
        sha256: upload.way.sha256(), state: upload.stands(now), link: link, part_count: upload.parts(),
        part_size_bytes: upload.way.part_size().unwrap_or_default(), stored_parts = Vec::new(),
        expires_at: upload.expires_at, file_id: upload.became(), refused_reason: upload.state.mismatch(),
        name: upload.name,
    } }
}

pub(super) fn certificate(certificate: Certificate, check_url: String) -> pb::Certificate {
    let (revoked_at, revoked_reason) = certificate.state.voided().unzip();
    message! { pb::Certificate {
        certificate_id: certificate.id, number: certificate.number, learner_id: certificate.learner,
        holder_name: given(certificate.holder_name), course_id: certificate.course, run_id: certificate.run,
        enrolment_id: certificate.enrolment, course_title: certificate.course_title,
        course_version: certificate.course_version, language: certificate.language, state: certificate.state.name(),
        completed_at: certificate.completed_at, issued_at: certificate.issued_at, revoked_at: revoked_at,
        revoked_reason: revoked_reason, check_url: check_url, predecessor_id: certificate.predecessor,
        successor_id: certificate.state.successor(),
    } }
}

pub(super) fn check(Linked { certificate, successor, predecessor }: Linked, school: &str) -> pb::CertificateCheck {
    message! { pb::CertificateCheck {
        number: certificate.number, valid: certificate.state.holds(), holder_name: given(certificate.holder_name),
        course_title: certificate.course_title, completed_at: certificate.completed_at,
        issued_at: certificate.issued_at, revoked_at: certificate.state.voided().map(|(at, _)| at),
        successor_number: successor, predecessor_number: predecessor, school: school, language: certificate.language,
    } }
}

/// A case with everything that happened to it.
pub(super) fn with_history(case: Case, history: Vec<Entry>) -> pb::VerificationCase {
    pb::VerificationCase { history: show(history), ..show(case) }
}

/// The same for its owner, who does not learn which reviewer it was.
pub(super) fn own_with_history(case: Case, history: Vec<Entry>) -> pb::VerificationCase {
    let own = format!("user:{}", case.tutor);
    let hide = |entry: Entry| {
        let stays = entry.actor == own || !entry.actor.starts_with("user:");
        if stays { entry } else { Entry { actor: REVIEWER.to_owned(), ..entry } }
    };
    with_history(case, history.into_iter().map(hide).collect())
}

/// A standing, with the latest case about every paper that the school asks for.
pub(super) fn status(standing: Standing, asked: &AskedPapers, latest: &[Case]) -> pb::TutorStatus {
    let latest = |kind| latest.iter().find(|case| case.kind == kind).cloned();
    let paper = |kind: &PaperKind| message! { pb::PaperStatus { kind: *kind, latest: latest(*kind) } };
    message! { pb::TutorStatus {
        verified: standing != Standing::Unverified, valid_until: standing.until(),
        papers = asked.kinds().iter().map(paper).collect(),
    } }
}
