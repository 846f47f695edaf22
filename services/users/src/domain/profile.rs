//! What a person tells about themselves.

use std::fmt;

use values::{BadText, Column, Language, Patch, Record, Text, TimeZone};

/// How to address a person: one line of 1 to 100 characters.
#[derive(Debug, Clone, PartialEq, Eq, Column)]
#[column(parse)]
pub struct DisplayName(String);

impl DisplayName {
    /// Checks a name. Line breaks are refused, because the name ends up in the headers of mails.
    pub fn parse(text: &str) -> Result<Self, BadText> {
        let text = Text::<1, 100>::parse(text)?.into_string();
        if text.chars().any(char::is_control) { Err(BadText::Control) } else { Ok(Self(text)) }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DisplayName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// What a person can change about themselves.
#[derive(Debug, Clone, PartialEq, Eq, Patch, Record)]
pub struct Profile {
    pub display_name: DisplayName,
    pub language: Language,
    pub time_zone: TimeZone,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_line() {
        assert_eq!(DisplayName::parse("  Анна К. ").unwrap().as_str(), "Анна К.");
        assert_eq!(DisplayName::parse("Anna\nBcc: all@example.com"), Err(BadText::Control));
        assert_eq!(DisplayName::parse("  "), Err(BadText::TooShort(1)));
        assert_eq!(DisplayName::parse(&"a".repeat(101)), Err(BadText::TooLong(100)));
    }

    #[test]
    fn a_change_leaves_alone_what_it_does_not_name() {
        let profile = Profile {
            display_name: DisplayName::parse("Anna").unwrap(),
            language: Language::Russian,
            time_zone: TimeZone::parse("Europe/Moscow").unwrap(),
        };
        assert_eq!(profile.clone().with(ProfilePatch::default()), profile);
        let changed =
            profile.clone().with(ProfilePatch { language: Some(Language::English), ..ProfilePatch::default() });
        assert_eq!(changed, Profile { language: Language::English, ..profile });
    }
}
