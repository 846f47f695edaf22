//! What people agree to: versions of texts.

use std::fmt;

use time::OffsetDateTime;
use values::{BadText, Column, Record, Text};

use super::id::ConsentId;

/// The name of a text, such as `terms`.
#[derive(Debug, Clone, PartialEq, Eq, Column)]
#[column(parse)]
pub struct DocumentName(String);

/// A text that cannot name a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected 1 to 64 lower-case letters, digits and hyphens")]
pub struct BadDocumentName;

values::mistake!(BadDocumentName => Malformed);

impl DocumentName {
    /// Checks a name.
    pub fn parse(text: &str) -> Result<Self, BadDocumentName> {
        let fits = (1..=64).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if fits { Ok(Self(text.to_owned())) } else { Err(BadDocumentName) }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DocumentName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// The version of a text as its author names it, in one line.
#[derive(Debug, Clone, PartialEq, Eq, Column)]
#[column(parse)]
pub struct DocumentVersion(String);

impl DocumentVersion {
    /// Checks a version.
    pub fn parse(text: &str) -> Result<Self, BadText> {
        let text = Text::<1, 64>::parse(text)?.into_string();
        if text.chars().any(char::is_control) { Err(BadText::Control) } else { Ok(Self(text)) }
    }

    /// The version.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A text and its version.
#[derive(Debug, Clone, PartialEq, Eq, Record)]
pub struct Document {
    #[record(name = "document")]
    pub name: DocumentName,
    pub version: DocumentVersion,
}

/// The record of a consent.
#[derive(Debug, Clone, PartialEq, Eq, Record)]
pub struct Consent {
    #[record(name = "consent_id")]
    pub id: ConsentId,
    #[record(flatten)]
    pub document: Document,
    pub given_at: OffsetDateTime,
    pub withdrawn_at: Option<OffsetDateTime>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_has_a_plain_name() {
        assert_eq!(DocumentName::parse("privacy-2").unwrap().as_str(), "privacy-2");
        for bad in ["", "Terms", "terms of use", "условия", &"a".repeat(65)] {
            assert_eq!(DocumentName::parse(bad), Err(BadDocumentName), "{bad}");
        }
    }

    #[test]
    fn a_version_is_one_line() {
        assert_eq!(DocumentVersion::parse(" 2026-11-01 ").unwrap().as_str(), "2026-11-01");
        assert_eq!(DocumentVersion::parse("1\n2"), Err(BadText::Control));
        assert_eq!(DocumentVersion::parse(""), Err(BadText::TooShort(1)));
    }
}
