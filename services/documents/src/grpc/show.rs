//! Values as messages.

use contract::wire;
use proto::lyceum::documents::v1 as pb;
use time::OffsetDateTime;

use crate::{
    bucket::{Link, WriteLink},
    domain::{
        Case, Certificate, File, Tutor, Upload,
        paper::{AskedPapers, day},
        tutor::Standing,
    },
    flows::{look_at_files::Seen, sign_parts::SignedPart},
    store::{cases::Entry, certificates::Linked},
};

/// Whom the tutor sees instead of a reviewer.
const REVIEWER: &str = "reviewer";

/// A text that is absent where it is empty.
fn given(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

pub(super) fn link(link: Link) -> pb::DownloadLink {
    pb::DownloadLink { url: link.url.into(), expires_at: Some(link.expires_at.into()) }
}

fn write_link(link: WriteLink) -> pb::UploadLink {
    pb::UploadLink {
        url: link.url.into(),
        method: "PUT".to_owned(),
        headers: link.headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        expires_at: Some(link.expires_at.into()),
    }
}

pub(super) fn part(part: SignedPart) -> pb::PartLink {
    pb::PartLink { number: part.number, size_bytes: part.size, link: Some(write_link(part.link)) }
}

pub(super) fn file(file: File) -> pb::File {
    pb::File {
        file_id: file.id.to_string(),
        kind: wire::<pb::file::Kind>(file.kind),
        name: file.name.to_string(),
        content_type: file.content_type.to_string(),
        size_bytes: file.size,
        sha256: file.sha256.map(|sum| sum.to_string()),
        owner_id: file.owner.to_string(),
        created_at: Some(file.created_at.into()),
    }
}

/// An upload without what the store knows of it.
pub(super) fn upload(upload: Upload, link: Option<WriteLink>, now: OffsetDateTime) -> pb::Upload {
    pb::Upload {
        upload_id: upload.id.to_string(),
        kind: wire::<pb::file::Kind>(upload.kind),
        name: upload.name.to_string(),
        content_type: upload.content_type.to_string(),
        size_bytes: upload.size,
        sha256: upload.way.sha256().map(|sum| sum.to_string()),
        state: wire::<pb::upload::State>(upload.stands(now)),
        link: link.map(write_link),
        part_size_bytes: upload.way.part_size().unwrap_or_default(),
        part_count: upload.parts(),
        stored_parts: Vec::new(),
        expires_at: Some(upload.expires_at.into()),
        file_id: upload.became().map(|file| file.to_string()),
        refused_reason: upload.state.mismatch().map(|mismatch| mismatch.to_string()),
    }
}

pub(super) fn certificate(certificate: Certificate, check_url: String) -> pb::Certificate {
    let (revoked_at, revoked_reason) = certificate.state.voided().unzip();
    pb::Certificate {
        certificate_id: certificate.id.to_string(),
        number: certificate.number,
        learner_id: certificate.learner.to_string(),
        holder_name: given(certificate.holder_name),
        course_id: certificate.course.to_string(),
        run_id: certificate.run.to_string(),
        enrolment_id: certificate.enrolment.to_string(),
        course_title: certificate.course_title,
        course_version: certificate.course_version,
        language: certificate.language.to_string(),
        state: wire::<pb::certificate::State>(certificate.state.name()),
        completed_at: Some(certificate.completed_at.into()),
        issued_at: Some(certificate.issued_at.into()),
        revoked_at: revoked_at.map(Into::into),
        revoked_reason: revoked_reason.map(|reason| reason.to_string()),
        check_url,
        predecessor_id: certificate.predecessor.map(|id| id.to_string()),
        successor_id: certificate.state.successor().map(|id| id.to_string()),
    }
}

pub(super) fn check(linked: Linked, school: &str) -> pb::CertificateCheck {
    let Linked { certificate, successor, predecessor } = linked;
    pb::CertificateCheck {
        number: certificate.number,
        valid: certificate.state.holds(),
        holder_name: given(certificate.holder_name),
        course_title: certificate.course_title,
        completed_at: Some(certificate.completed_at.into()),
        issued_at: Some(certificate.issued_at.into()),
        revoked_at: certificate.state.voided().map(|(at, _)| at.into()),
        successor_number: successor,
        predecessor_number: predecessor,
        school: school.to_owned(),
        language: certificate.language.to_string(),
    }
}

pub(super) fn exported_certificate(certificate: Certificate) -> pb::ExportedCertificate {
    pb::ExportedCertificate {
        certificate_id: certificate.id.to_string(),
        learner_id: certificate.learner.to_string(),
        course_id: certificate.course.to_string(),
        run_id: certificate.run.to_string(),
        enrolment_id: certificate.enrolment.to_string(),
        valid: certificate.state.holds(),
        issued_at: Some(certificate.issued_at.into()),
        revoked_at: certificate.state.voided().map(|(at, _)| at.into()),
        predecessor_id: certificate.predecessor.map(|id| id.to_string()),
        version: certificate.version,
    }
}

/// A case without its history, as staff and lists see it.
pub(super) fn case(case: Case) -> pb::VerificationCase {
    pb::VerificationCase {
        case_id: case.id.to_string(),
        tutor_id: case.tutor.to_string(),
        kind: wire::<pb::PaperKind>(case.kind),
        file_ids: case.files.iter().map(ToString::to_string).collect(),
        state: wire::<pb::verification_case::State>(case.state.name()),
        reason: case.state.reason().map(|reason| reason.to_string()),
        valid_until: case.until().map(day),
        comment: case.comment,
        created_at: Some(case.created_at.into()),
        updated_at: Some(case.updated_at.into()),
        deadline: case.state.deadline().map(Into::into),
        history: Vec::new(),
    }
}

/// A case with everything that happened to it.
pub(super) fn with_history(of: Case, history: Vec<Entry>) -> pb::VerificationCase {
    let entry = |Entry { what, actor, detail, at }| pb::CaseEntry { what, actor, detail, at: Some(at.into()) };
    pb::VerificationCase { history: history.into_iter().map(entry).collect(), ..case(of) }
}

/// The same for its owner, who does not learn which reviewer it was.
pub(super) fn own_with_history(of: Case, history: Vec<Entry>) -> pb::VerificationCase {
    let own = format!("user:{}", of.tutor);
    let hide = |entry: Entry| {
        let stays = entry.actor == own || !entry.actor.starts_with("user:");
        if stays { entry } else { Entry { actor: REVIEWER.to_owned(), ..entry } }
    };
    with_history(of, history.into_iter().map(hide).collect())
}

pub(super) fn case_file(Seen { file, link }: Seen) -> pb::CaseFileLink {
    pb::CaseFileLink {
        file_id: file.id.to_string(),
        name: file.name.to_string(),
        content_type: file.content_type.to_string(),
        url: link.url.into(),
        expires_at: Some(link.expires_at.into()),
    }
}

/// A standing, with the latest case about every paper that the school asks for.
pub(super) fn status(standing: Standing, asked: &AskedPapers, latest: Vec<Case>) -> pb::TutorStatus {
    let latest = |kind| latest.iter().find(|case| case.kind == kind).cloned().map(case);
    let paper = |kind| pb::PaperStatus { kind: wire::<pb::PaperKind>(kind), latest: latest(kind) };
    pb::TutorStatus {
        verified: standing != Standing::Unverified,
        valid_until: standing.until().map(day),
        papers: asked.kinds().iter().copied().map(paper).collect(),
    }
}

pub(super) fn exported_tutor(tutor: Tutor) -> pb::ExportedTutor {
    pb::ExportedTutor {
        tutor_id: tutor.id.to_string(),
        verified: tutor.standing != Standing::Unverified,
        valid_until: tutor.standing.until().map(day),
        version: tutor.version,
    }
}
