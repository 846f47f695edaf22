//! A file: what it is for, what it is called, and what follows from that.

use std::{fmt, str::FromStr};

use time::OffsetDateTime;
use values::{Mistake, Params, ViolationCode, mistake::params};

use super::{
    content::{ByName, ContentType},
    id::{FileId, UserId},
};

/// What a file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, values::Named)]
pub enum Kind {
    /// Video or sound of a lesson.
    Media,
    /// A picture of a course or lesson.
    Image,
    /// Material of a lesson.
    Material,
    /// What a learner hands in.
    Homework,
    /// A paper of a tutor.
    Paper,
}

impl Kind {
    /// Whether it belongs to a course rather than to whoever uploaded it: it needs the permission to edit courses, may
    /// be read by the CDN, and stays when its uploader is erased.
    pub const fn is_of_course(self) -> bool {
        matches!(self, Self::Media | Self::Image | Self::Material)
    }

    /// The biggest file of this kind, in bytes.
    pub const fn largest(self) -> i64 {
        match self {
            Self::Media => 10 * 1024 * MIB,
            Self::Image | Self::Paper => 20 * MIB,
            Self::Material => 512 * MIB,
            Self::Homework => 256 * MIB,
        }
    }
}

/// 2^20 bytes.
pub const MIB: i64 = 1 << 20;

/// A file's name as its owner knows it: 1 to 200 characters of one line. It is never part of a key or a path; it names
/// the download.
///
/// It is stored as it is: a file whose owner was erased has none.
#[derive(Clone, PartialEq, Eq, values::Column)]
pub struct FileName(String);

/// Why a name was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadName {
    #[error("expected 1 to 200 characters")]
    Length,
    #[error("expected no slashes, no control characters and none that change the direction of writing")]
    Character,
    #[error("expected a name, not a folder")]
    Folder,
}

impl Mistake for BadName {
    fn code(&self) -> ViolationCode {
        match self {
            Self::Length => ViolationCode::TooLong,
            Self::Character | Self::Folder => ViolationCode::Malformed,
        }
    }

    fn params(&self) -> Params {
        match self {
            Self::Length => params([("min", &1), ("max", &200)]),
            Self::Character | Self::Folder => Params::new(),
        }
    }
}

impl FileName {
    /// Trims and checks a name.
    pub fn parse(text: &str) -> Result<Self, BadName> {
        let text = text.trim();
        // Four bytes are the longest character; this refuses megabytes without counting them.
        if text.is_empty() || text.len() > 800 || text.chars().count() > 200 {
            return Err(BadName::Length);
        }
        if text.chars().any(forbidden) {
            return Err(BadName::Character);
        }
        if matches!(text, "." | "..") {
            return Err(BadName::Folder);
        }
        Ok(Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What a browser is told to call the download (RFC 6266): a plain name for old ones, the whole one for the others.
    pub fn disposition(&self, inline: bool) -> String {
        let how = if inline { "inline" } else { "attachment" };
        if self.0.is_empty() {
            return how.to_owned();
        }
        let safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ' ');
        let plain: String = self.0.chars().map(|c| if safe(c) { c } else { '_' }).collect();
        let mut whole = String::new();
        for byte in self.0.bytes() {
            if byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_') {
                whole.push(char::from(byte));
            } else {
                whole.push_str(&format!("%{byte:02X}"));
            }
        }
        format!("{how}; filename=\"{plain}\"; filename*=UTF-8''{whole}")
    }
}

impl FromStr for FileName {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        Self::parse(text)
    }
}

/// Slashes, what nobody types, and what makes `exe.pdf` look like `fdp.exe`.
fn forbidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '/' | '\\' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
}

impl fmt::Display for FileName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// Names say more than a log should know.
impl fmt::Debug for FileName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("FileName(..)")
    }
}

/// A SHA-256.
#[derive(Debug, Clone, Copy, PartialEq, Eq, values::Column)]
pub struct Sha256([u8; 32]);

/// A text that is no SHA-256.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a SHA-256 in 64 lower-case hexadecimal digits")]
pub struct BadSha256;

values::mistake!(BadSha256 => Malformed);

impl Sha256 {
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Reads lower-case hexadecimal.
    pub fn parse(text: &str) -> Result<Self, BadSha256> {
        if text.len() != 64 || text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(BadSha256);
        }
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| BadSha256)?;
        Ok(Self(bytes))
    }

    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl FromStr for Sha256 {
    type Err = BadSha256;

    fn from_str(text: &str) -> Result<Self, BadSha256> {
        Self::parse(text)
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&hex::encode(self.0))
    }
}

/// A file that is stored.
#[derive(Debug, Clone, PartialEq, Eq, values::Record)]
pub struct File {
    #[record(name = "file_id")]
    pub id: FileId,
    pub kind: Kind,
    pub name: FileName,
    #[record(with = ByName)]
    pub content_type: ContentType,
    /// In bytes.
    #[record(name = "size_bytes")]
    pub size: i64,
    /// Of the whole file; `None` where it was written in parts, which were checked one by one.
    pub sha256: Option<Sha256>,
    #[record(name = "owner_id")]
    pub owner: UserId,
    pub created_at: OffsetDateTime,
}

impl File {
    /// Where it is in the bucket.
    pub fn key(&self) -> String {
        key(self.kind, self.id)
    }
}

/// Where a file is in the bucket. No link to write there is ever given out for a file that is written at once.
pub fn key(kind: Kind, id: FileId) -> String {
    format!("{}/{id}", kind.as_str())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_name_is_refused_or_safe(text in "\\PC{0,220}|[\\x00-\\x7f]{0,20}|.{0,30}") {
            if let Ok(name) = FileName::parse(&text) {
                prop_assert!((1..=200).contains(&name.as_str().chars().count()));
                prop_assert!(!name.as_str().chars().any(forbidden));
                let header = name.disposition(false);
                prop_assert!(header.bytes().all(|byte| (0x20..0x7f).contains(&byte)), "{header}");
                prop_assert_eq!(header.matches('"').count(), 2);
                // The whole name comes back from its encoding.
                let whole = header.split("UTF-8''").nth(1).unwrap();
                let decoded: Vec<u8> = decode(whole);
                prop_assert_eq!(decoded, name.as_str().as_bytes());
            }
        }

        #[test]
        fn a_checksum_reads_what_it_writes(bytes: [u8; 32]) {
            let sum = Sha256::new(bytes);
            prop_assert_eq!(Sha256::parse(&sum.to_string()), Ok(sum));
        }

        #[test]
        fn no_text_takes_the_checksum_down(text in ".{0,70}") {
            let _ = Sha256::parse(&text);
        }
    }

    fn decode(text: &str) -> Vec<u8> {
        let bytes = text.as_bytes();
        let mut at = 0;
        let mut decoded = vec![];
        while at < bytes.len() {
            if bytes[at] == b'%' {
                decoded.push(u8::from_str_radix(&text[at + 1..at + 3], 16).unwrap());
                at += 3;
            } else {
                decoded.push(bytes[at]);
                at += 1;
            }
        }
        decoded
    }

    #[test]
    fn names_that_lie_are_refused() {
        for name in ["", "  ", ".", "..", "a/b", "a\\b", "a\nb", "a\0b", "паспорт\u{202E}fdp.exe", &"x".repeat(201)]
        {
            assert!(FileName::parse(name).is_err(), "{name:?}");
        }
        assert_eq!(FileName::parse("  диплом (1).pdf ").unwrap().as_str(), "диплом (1).pdf");
    }

    #[test]
    fn a_checksum_is_lower_case() {
        assert!(Sha256::parse(&"a".repeat(64)).is_ok());
        for bad in ["A".repeat(64), "a".repeat(63), "g".repeat(64), "é".repeat(32)] {
            assert_eq!(Sha256::parse(&bad), Err(BadSha256));
        }
    }
}
