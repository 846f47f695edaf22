//! The life of an upload: open, then a file, or over. And what may be uploaded at all.

use time::{Duration, OffsetDateTime};

use super::{
    content::ContentType,
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Open,
    Completed,
    Refused(Mismatch),
    Aborted,
    Expired,
}

impl State {
    /// The stored name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Completed => "completed",
            Self::Refused(_) => "refused",
            Self::Aborted => "aborted",
            Self::Expired => "expired",
        }
    }

    /// Why it was refused.
    pub const fn mismatch(self) -> Option<Mismatch> {
        match self {
            Self::Refused(mismatch) => Some(mismatch),
            _ => None,
        }
    }
}

/// How what was written differs from what was announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    #[error("what was written is not as long as announced")]
    Size,
    #[error("what was written has another checksum than announced")]
    Checksum,
    #[error("what was written is not what the content type says")]
    Content,
}

impl Mismatch {
    pub const ALL: [Self; 3] = [Self::Size, Self::Checksum, Self::Content];

    /// The public name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Size => "SIZE_MISMATCH",
            Self::Checksum => "CHECKSUM_MISMATCH",
            Self::Content => "CONTENT_MISMATCH",
        }
    }
}

/// Why the law says no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("there is no such upload")]
    NotFound,
    #[error("there is no such file")]
    FileNotFound,
    #[error("only those who edit courses upload files of this kind")]
    KindNotAllowed,
    #[error("this content type is not allowed for this kind of file")]
    ContentTypeNotAllowed,
    #[error("a file of this kind has 1 to {0} bytes")]
    SizeNotAllowed(i64),
    #[error("{MOST_OPEN} uploads are open already: complete or abort one")]
    TooManyUploads,
    #[error("not everything has been written yet")]
    Incomplete,
    #[error("{0}")]
    Mismatch(#[from] Mismatch),
    #[error("the upload is over")]
    Over,
    #[error("the file is written at once, not in parts")]
    NotInParts,
    #[error("a verification case rests on the file")]
    FileInUse,
    #[error("the account was erased")]
    Erased,
}

/// What is announced, each value checked for itself.
#[derive(Debug, Clone)]
pub struct Announced {
    pub kind: Kind,
    pub name: FileName,
    pub content_type: ContentType,
    /// In bytes.
    pub size: i64,
    pub sha256: Option<Sha256>,
}

/// How the bytes come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// With one request; the checksum of the whole file is known.
    AtOnce(Sha256),
    /// In parts of this many bytes, but for the last.
    InParts(i64),
}

/// A file on its way in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    pub id: UploadId,
    /// The id of the file that it becomes.
    pub file: FileId,
    pub owner: UserId,
    pub kind: Kind,
    pub name: FileName,
    pub content_type: ContentType,
    pub size: i64,
    pub way: Way,
    /// The store's own id of an upload in parts.
    pub store_id: Option<String>,
    /// Parts that were read again and found right after they were joined.
    pub checked_parts: i32,
    pub state: State,
    pub created_at: OffsetDateTime,
    pub expires_at: OffsetDateTime,
}

/// Whether a checksum of the whole file has to come, by its size.
pub const fn is_at_once(size: i64) -> bool {
    size <= AT_ONCE
}

impl Upload {
    /// Opens an upload, if such a file may come. `edits` says whether its owner edits courses.
    pub fn open(owner: UserId, announced: Announced, edits: bool, now: OffsetDateTime) -> Result<Self, Refusal> {
        let Announced { kind, name, content_type, size, sha256 } = announced;
        if kind.is_of_course() && !edits {
            return Err(Refusal::KindNotAllowed);
        }
        if !content_type.fits(kind) {
            return Err(Refusal::ContentTypeNotAllowed);
        }
        if !(1..=kind.largest()).contains(&size) {
            return Err(Refusal::SizeNotAllowed(kind.largest()));
        }
        let (way, lives) = match sha256 {
            Some(sha256) if is_at_once(size) => (Way::AtOnce(sha256), SHORT),
            _ => (Way::InParts(part_size(size)), LONG),
        };
        Ok(Self {
            id: values::Id::new(now),
            file: values::Id::new(now),
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
            expires_at: now + lives,
        })
    }

    /// Whether bytes may still come and count.
    pub fn is_open(&self, now: OffsetDateTime) -> bool {
        self.state == State::Open && now < self.expires_at
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

    /// Where its bytes are written: a file that comes in parts has its place at once, because nobody can write there once the parts are
    /// joined; one that is written at once is copied from here to a place that no link was ever given out for.
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
        let sha256 = match self.way {
            Way::AtOnce(sha256) => Some(sha256),
            Way::InParts(_) => None,
        };
        File {
            id: self.file,
            kind: self.kind,
            name: self.name.clone(),
            content_type: self.content_type,
            size: self.size,
            sha256,
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
        Announced {
            kind,
            name: FileName::parse("file").unwrap(),
            content_type: ContentType::parse(content_type).unwrap(),
            size,
            sha256: is_at_once(size).then(|| Sha256::new([7; 32])),
        }
    }

    fn open(kind: Kind, content_type: &str, size: i64, edits: bool) -> Result<Upload, Refusal> {
        Upload::open(values::Id::from_uuid(Uuid::nil()), announced(kind, content_type, size), edits, NOW)
    }

    #[test]
    fn kinds_have_limits() {
        assert_eq!(open(Kind::Media, "video/mp4", 1, false), Err(Refusal::KindNotAllowed));
        assert_eq!(open(Kind::Paper, "video/mp4", 1, true), Err(Refusal::ContentTypeNotAllowed));
        assert!(matches!(open(Kind::Paper, "image/png", 21 * MIB, true), Err(Refusal::SizeNotAllowed(_))));
        assert!(matches!(open(Kind::Paper, "image/png", 0, true), Err(Refusal::SizeNotAllowed(_))));
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
            prop_assert!(upload.part(0).is_none() && upload.part(parts + 1).is_none() && upload.part(i32::MIN).is_none());
        }
    }
}
