//! Cases and standings to wire.

use proto::lyceum::documents::v1 as pb;

use crate::{
    domain::{
        case::{Case, State},
        paper::{self, PaperKind},
        tutor::Standing,
    },
    store::{cases::Entry, tutors::Tutor},
};

/// Whom the tutor sees instead of a reviewer.
const REVIEWER: &str = "reviewer";

pub(super) fn kind(kind: PaperKind) -> pb::PaperKind {
    match kind {
        PaperKind::Identity => pb::PaperKind::Identity,
        PaperKind::Education => pb::PaperKind::Education,
        PaperKind::NoCriminalRecord => pb::PaperKind::NoCriminalRecord,
        PaperKind::TaxStatus => pb::PaperKind::TaxStatus,
    }
}

/// The kind that a request names.
pub(super) fn read_kind(kind: pb::PaperKind) -> Result<PaperKind, &'static str> {
    match kind {
        pb::PaperKind::Unspecified => Err("expected a kind of paper"),
        pb::PaperKind::Identity => Ok(PaperKind::Identity),
        pb::PaperKind::Education => Ok(PaperKind::Education),
        pb::PaperKind::NoCriminalRecord => Ok(PaperKind::NoCriminalRecord),
        pb::PaperKind::TaxStatus => Ok(PaperKind::TaxStatus),
    }
}

/// A case without its history, as staff and lists see it.
pub(super) fn case(case: Case) -> pb::VerificationCase {
    let deadline = match case.state {
        State::Checking { deadline } => Some(deadline.into()),
        _ => None,
    };
    pb::VerificationCase {
        case_id: case.id.to_string(),
        tutor_id: case.tutor.to_string(),
        kind: kind(case.kind).into(),
        file_ids: case.files.iter().map(ToString::to_string).collect(),
        state: contract::wire::<pb::verification_case::State>(case.state.name()),
        reason: case.state.reason().map(|reason| reason.as_str().to_owned()),
        valid_until: case.until().map(paper::day),
        comment: case.comment,
        created_at: Some(case.created_at.into()),
        updated_at: Some(case.updated_at.into()),
        deadline,
        history: Vec::new(),
    }
}

/// A case with everything that happened to it.
pub(super) fn with_history(of: Case, history: Vec<Entry>) -> pb::VerificationCase {
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

fn entry(entry: Entry) -> pb::CaseEntry {
    pb::CaseEntry { what: entry.what, actor: entry.actor, detail: entry.detail, at: Some(entry.at.into()) }
}

/// The last day of a standing.
pub(super) fn until(standing: Standing) -> Option<String> {
    match standing {
        Standing::Verified { until: Some(until) } => Some(paper::day(until)),
        Standing::Verified { until: None } | Standing::Unverified => None,
    }
}

pub(super) fn exported(tutor: Tutor) -> pb::ExportedTutor {
    pb::ExportedTutor {
        tutor_id: tutor.id.to_string(),
        verified: tutor.standing != Standing::Unverified,
        valid_until: until(tutor.standing),
        version: tutor.version,
    }
}
