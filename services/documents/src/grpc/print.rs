//! Uploads and files to wire.

use proto::lyceum::documents::v1 as pb;
use time::OffsetDateTime;

use crate::{
    bucket::WriteLink,
    domain::{
        file::{File, Kind},
        upload::{LINK_WORKS, State, Upload, Way},
    },
};

pub(super) fn kind(kind: Kind) -> pb::file::Kind {
    match kind {
        Kind::Media => pb::file::Kind::Media,
        Kind::Image => pb::file::Kind::Image,
        Kind::Material => pb::file::Kind::Material,
        Kind::Homework => pb::file::Kind::Homework,
        Kind::Paper => pb::file::Kind::Paper,
    }
}

/// The kind that a request names.
pub(super) fn read_kind(kind: pb::file::Kind) -> Option<Kind> {
    match kind {
        pb::file::Kind::Unspecified => None,
        pb::file::Kind::Media => Some(Kind::Media),
        pb::file::Kind::Image => Some(Kind::Image),
        pb::file::Kind::Material => Some(Kind::Material),
        pb::file::Kind::Homework => Some(Kind::Homework),
        pb::file::Kind::Paper => Some(Kind::Paper),
    }
}

pub(super) fn file(file: File) -> pb::File {
    pb::File {
        file_id: file.id.to_string(),
        kind: kind(file.kind).into(),
        name: file.name.to_string(),
        content_type: file.content_type.to_string(),
        size_bytes: file.size,
        sha256: file.sha256.map(|sum| sum.to_string()),
        owner_id: file.owner.to_string(),
        created_at: Some(file.created_at.into()),
    }
}

/// An upload without what the store knows of it. An open one whose time is over is expired, whether that is written down yet or not.
pub(super) fn upload(upload: Upload, now: OffsetDateTime) -> pb::Upload {
    use pb::upload::State as Pb;
    let state = match upload.state {
        State::Open if upload.is_open(now) => Pb::Open,
        State::Open | State::Expired => Pb::Expired,
        State::Completed => Pb::Completed,
        State::Refused(_) => Pb::Refused,
        State::Aborted => Pb::Aborted,
    };
    let (sha256, part_size_bytes) = match upload.way {
        Way::AtOnce(sha256) => (Some(sha256.to_string()), 0),
        Way::InParts(part) => (None, part),
    };
    let file_id = (upload.state == State::Completed).then(|| upload.file.to_string());
    pb::Upload {
        upload_id: upload.id.to_string(),
        kind: kind(upload.kind).into(),
        name: upload.name.to_string(),
        content_type: upload.content_type.to_string(),
        size_bytes: upload.size,
        sha256,
        state: state.into(),
        link: None,
        part_size_bytes,
        part_count: upload.parts(),
        stored_parts: Vec::new(),
        expires_at: Some(upload.expires_at.into()),
        file_id,
        refused_reason: upload.state.mismatch().map(|mismatch| mismatch.as_str().to_owned()),
    }
}

/// A link that was signed just now.
pub(super) fn write_link(link: WriteLink, now: OffsetDateTime) -> pb::UploadLink {
    pb::UploadLink {
        url: link.url.to_string(),
        method: "PUT".to_owned(),
        headers: link.headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        expires_at: Some((now + LINK_WORKS).into()),
    }
}
