//! The life of an upload: open, then a file, or over. And what may be uploaded at all.

use rpc::{Fields, Invalid};
use time::{Duration, OffsetDateTime};
use values::{Id, Named, Record};

use super::{
    Refusal,
    content::{ByName, ContentType},
    file::{self, File, FileName, Kind, MIB, Sha256},
    id::{FileId, UploadId, UserId},
};

/// Files up to this size are written with one request, and their whole checksum is known.
pub const AT_ONCE: i64 = 64 * MIB;
/// The smallest part of a bigger file.
pub const SMALLEST_PART: i64 = 16 * MIB;
/// The most parts of a file.
pub const MOST_PARTS: i64 = 1_000;
/// Uploads of one person that may be open.
pub const MOST_OPEN: i64 = 20;
/// How long a link to write to works.
pub const LINK_WORKS: std::time::Duration = std::time::Duration::from_secs(3_600);
/// How long a file that is written at once may take, and one in parts.
const SHORT: Duration = Duration::hours(6);
const LONG: Duration = Duration::days(3);

/// Where an upload is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Record)]
pub enum State {
    Open,
    Completed,
    Refused(#[record(name = "refused_reason")] Mismatch),
    Aborted,
    Expired,
}

/// The name of a state, as the contract knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Named)]
pub enum StateName {
    Open,
    Completed,
    Refused,
    Aborted,
    Expired,
}

/// How what was written differs from what was announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Named)]
pub enum Mismatch {
    #[named("SIZE_MISMATCH")]
    Size,
    #[named("CHECKSUM_MISMATCH")]
    Checksum,
    #[named("CONTENT_MISMATCH")]
    Content,
}

impl State {
    /// Its name.
    pub const fn name(self) -> StateName {
        match self {
            Self::Open => StateName::Open,
            Self::Completed => StateName::Completed,
            Self::Refused(_) => StateName::Refused,
            Self::Aborted => StateName::Aborted,
            Self::Expired => StateName::Expired,
        }
    }

    /// Why it was refused.
    pub const fn mismatch(self) -> Option<Mismatch> {
        if let Self::Refused(mismatch) = self { Some(mismatch) } else { None }
    }
}

impl Mismatch {
    /// What a refusal says about the bytes; none where it is about something else.
    pub fn of(refusal: &Refusal) -> Option<Self> {
        Self::ALL.iter().copied().find(|mismatch| Refusal::from(*mismatch) == *refusal)
    }
}

/// What is announced, each value checked for itself.
#[derive(Debug, Clone)]
pub struct Announced {
    pub kind: Kind,
    pub name: FileName,
    pub content_type: ContentType,
    /// In bytes.
    pub size: i64,
    pub way: Way,
}

/// How the bytes come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// With one request; the checksum of the whole file is known.
    AtOnce(Sha256),
    /// In parts of this many bytes, but for the last.
    InParts(i64),
}

/// A part of a file, and what it is said to hold.
pub type Part = (i32, Sha256);

/// A file on its way in.
#[derive(Debug, Clone, PartialEq, Eq, Record)]
pub struct Upload {
    #[record(name = "upload_id")]
    pub id: UploadId,
    /// The id of the file that it becomes.
    #[record(name = "file_id")]
    pub file: FileId,
    #[record(name = "owner_id")]
    pub owner: UserId,
    pub kind: Kind,
    pub name: FileName,
    #[record(with = ByName)]
    pub content_type: ContentType,
    #[record(name = "size_bytes")]
    pub size: i64,
    #[record(flatten)]
    pub way: Way,
    /// The store's own id of an upload in parts.
    #[record(name = "store_upload_id")]
    pub store_id: Option<String>,
    /// Parts that were read again and found right after they were joined.
    pub checked_parts: i32,
    #[record(flatten)]
    pub state: State,
    pub created_at: OffsetDateTime,
    pub expires_at: OffsetDateTime,
}

impl Way {
    /// How a file of this size comes: a small one at once, with its checksum; a big one in parts, each with its own.
    pub fn of(size: i64, sha256: Option<Sha256>) -> Result<Self, Refusal> {
        match sha256 {
            Some(sha256) if size <= AT_ONCE => Ok(Self::AtOnce(sha256)),
            None if size <= AT_ONCE => Err(Refusal::ChecksumMissing),
            Some(_) => Err(Refusal::ChecksumNotWanted),
            None => Ok(Self::InParts(part_size(size))),
        }
    }

    /// The checksum of the whole file, where it is known.
    pub const fn sha256(self) -> Option<Sha256> {
        if let Self::AtOnce(sha256) = self { Some(sha256) } else { None }
    }

    /// How big each part is but the last.
    pub const fn part_size(self) -> Option<i64> {
        if let Self::InParts(size) = self { Some(size) } else { None }
    }

    const fn lives(self) -> Duration {
        if let Self::AtOnce(_) = self { SHORT } else { LONG }
    }
}

impl Upload {
    /// Opens an upload, if such a file may come. `edits` says whether its owner edits courses.
    pub fn open(owner: UserId, announced: Announced, edits: bool, now: OffsetDateTime) -> Result<Self, Refusal> {
        let Announced { kind, name, content_type, size, way } = announced;
        if kind.is_of_course() && !edits {
            return Err(Refusal::KindNotAllowed);
        }
        if !content_type.fits(kind) {
            return Err(Refusal::ContentTypeNotAllowed);
        }
        if !(1..=kind.largest()).contains(&size) {
            return Err(Refusal::SizeNotAllowed { max: kind.largest() });
        }
        Ok(Self {
            id: Id::new(now),
            file: Id::new(now),
            owner,
            kind,
            name,
            content_type,
            size,
            way,
            store_id: None,
            checked_parts: 0,
            state: State::Open,
            created_at: now,
            expires_at: now + way.lives(),
        })
    }

    /// Whether bytes may still come and count.
    pub fn is_open(&self, now: OffsetDateTime) -> bool {
        self.state == State::Open && now < self.expires_at
    }

    /// Where it stands for whoever asks: one whose time is over is expired, whether that is written down yet or not.
    pub fn stands(&self, now: OffsetDateTime) -> StateName {
        if self.state == State::Open && !self.is_open(now) { StateName::Expired } else { self.state.name() }
    }

    /// The file that it became.
    pub fn became(&self) -> Option<FileId> {
        (self.state == State::Completed).then_some(self.file)
    }

    /// How many parts there are; 0 for a file that is written at once.
    pub fn parts(&self) -> i32 {
        match self.way {
            Way::AtOnce(_) => 0,
            Way::InParts(part) => i32::try_from(over(self.size, part)).unwrap_or(i32::MAX),
        }
    }

    /// Where a part begins and how long it is; `None` if there is no such part.
    pub fn part(&self, number: i32) -> Option<(i64, i64)> {
        let Way::InParts(part) = self.way else { return None };
        if !(1..=self.parts()).contains(&number) {
            return None;
        }
        let begins = part * i64::from(number - 1);
        Some((begins, part.min(self.size - begins)))
    }

    /// Whether these are parts of it, each once.
    pub fn check_parts(&self, parts: &[Part]) -> Result<(), Invalid> {
        let mut fields = Fields::new();
        for (at, (number, _)) in parts.iter().enumerate() {
            let field = format!("parts[{at}].number");
            if self.part(*number).is_none() {
                fields.refuse(field, format!("expected 1 to {}", self.parts()));
            } else if parts[..at].iter().any(|(known, _)| known == number) {
                fields.refuse(field, "expected each part only once");
            }
        }
        fields.check()
    }

    /// Where its bytes are written: a file that comes in parts has its place at once, because nobody can write there
    /// once the parts are joined; one that is written at once is copied from here to a place that no link was ever
    /// given out for.
    pub fn key(&self) -> String {
        match self.way {
            Way::AtOnce(_) => format!("uploads/{}", self.id),
            Way::InParts(_) => self.file_key(),
        }
    }

    /// Where the file is.
    pub fn file_key(&self) -> String {
        file::key(self.kind, self.file)
    }

    /// Every place where it may have left something.
    pub fn places(&self) -> Vec<String> {
        let mut places = vec![self.key(), self.file_key()];
        places.dedup();
        places
    }

    /// When the last link that was given out works no longer.
    pub fn writable_until(&self, now: OffsetDateTime) -> OffsetDateTime {
        self.expires_at.min(now) + LINK_WORKS + Duration::minutes(15)
    }

    /// What it becomes.
    pub fn becomes(&self, now: OffsetDateTime) -> File {
        File {
            id: self.file,
            kind: self.kind,
            name: self.name.clone(),
            content_type: self.content_type,
            size: self.size,
            sha256: self.way.sha256(),
            owner: self.owner,
            created_at: now,
        }
    }
}

/// A whole number of mebibytes, so that the parts are few enough.
fn part_size(size: i64) -> i64 {
    (over(over(size, MOST_PARTS), MIB) * MIB).max(SMALLEST_PART)
}

/// How many pieces of this size hold all of it.
fn over(size: i64, piece: i64) -> i64 {
    size / piece + i64::from(size % piece > 0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

    fn announced(kind: Kind, content_type: &str, size: i64) -> Announced {
        let sha256 = (size <= AT_ONCE).then(|| Sha256::new([7; 32]));
        Announced {
            kind,
            name: FileName::parse("file").unwrap(),
            content_type: ContentType::parse(content_type).unwrap(),
            size,
            way: Way::of(size, sha256).unwrap(),
        }
    }

    fn open(kind: Kind, content_type: &str, size: i64, edits: bool) -> Result<Upload, Refusal> {
        Upload::open(Id::from_uuid(Uuid::nil()), announced(kind, content_type, size), edits, NOW)
    }

    #[test]
    fn kinds_have_limits() {
        assert_eq!(open(Kind::Media, "video/mp4", 1, false), Err(Refusal::KindNotAllowed));
        assert_eq!(open(Kind::Paper, "video/mp4", 1, true), Err(Refusal::ContentTypeNotAllowed));
        assert!(matches!(open(Kind::Paper, "image/png", 21 * MIB, true), Err(Refusal::SizeNotAllowed { .. })));
        assert!(matches!(open(Kind::Paper, "image/png", 0, true), Err(Refusal::SizeNotAllowed { .. })));
        assert!(open(Kind::Paper, "image/png", 20 * MIB, false).is_ok());
        assert!(open(Kind::Media, "video/mp4", Kind::Media.largest(), true).is_ok());
    }

    #[test]
    fn an_upload_ends() {
        let upload = open(Kind::Paper, "image/png", 1, false).unwrap();
        assert!(upload.is_open(NOW) && !upload.is_open(upload.expires_at));
        assert!(!Upload { state: State::Aborted, ..upload }.is_open(NOW));
    }

    proptest! {
        #[test]
        fn a_small_file_has_a_checksum_and_a_big_one_has_none(size: i64, sum: Option<[u8; 32]>) {
            let way = Way::of(size, sum.map(Sha256::new));
            prop_assert_eq!(way.is_ok(), sum.is_some() == (size <= AT_ONCE));
            if let Ok(way) = way {
                prop_assert_eq!(way.sha256().is_some(), size <= AT_ONCE);
                prop_assert!(way.part_size().is_none_or(|part| part >= SMALLEST_PART));
            }
        }

        #[test]
        fn parts_are_the_whole(size in 1..=Kind::Media.largest()) {
            let upload = open(Kind::Media, "video/mp4", size, true).unwrap();
            let parts = upload.parts();
            prop_assert_eq!(parts == 0, size <= AT_ONCE);
            prop_assert!(i64::from(parts) <= MOST_PARTS);
            let mut at = 0;
            for number in 1..=parts {
                let (begins, length) = upload.part(number).unwrap();
                prop_assert_eq!(begins, at);
                prop_assert!(length > 0 && (number == parts || length >= SMALLEST_PART));
                at += length;
            }
            prop_assert!(parts == 0 || at == size);
            prop_assert!([0, parts + 1, i32::MIN].iter().all(|number| upload.part(*number).is_none()));
        }
    }
}
