//! The language and the time zone of a person or a course.

use std::{fmt, str::FromStr};

/// A language that Lyceum speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Language {
    /// Russian, `ru`.
    Russian,
    /// English, `en`.
    English,
}

/// A language code that Lyceum does not speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected ru or en")]
pub struct BadLanguage;

impl Language {
    /// Takes a language code.
    pub fn parse(text: &str) -> Result<Self, BadLanguage> {
        match text {
            "ru" => Ok(Self::Russian),
            "en" => Ok(Self::English),
            _ => Err(BadLanguage),
        }
    }

    /// The language code.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Russian => "ru",
            Self::English => "en",
        }
    }
}

impl FromStr for Language {
    type Err = BadLanguage;
    fn from_str(text: &str) -> Result<Self, BadLanguage> {
        Self::parse(text)
    }
}

impl fmt::Display for Language {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

/// The IANA name of a time zone, such as `Europe/Moscow`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TimeZone(String);

/// A name that stands for no time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected the IANA name of a time zone, such as Europe/Moscow")]
pub struct BadTimeZone;

impl TimeZone {
    /// Takes a name that the tz database knows; the database is built in, because a container has none.
    pub fn parse(text: &str) -> Result<Self, BadTimeZone> {
        let zone = jiff::tz::TimeZone::get(text).map_err(|_| BadTimeZone)?;
        zone.iana_name().map(|name| Self(name.to_owned())).ok_or(BadTimeZone)
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TimeZone {
    type Err = BadTimeZone;
    fn from_str(text: &str) -> Result<Self, BadTimeZone> {
        Self::parse(text)
    }
}

impl fmt::Display for TimeZone {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_text_is_no_zone_or_one_that_is_found_again(text in ".{0,40}|[A-Za-z]{1,12}/[A-Za-z_]{1,14}|[+-]?[0-9:]{1,6}") {
            let _ = Language::parse(&text);
            if let Ok(zone) = TimeZone::parse(&text) {
                let again = TimeZone::parse(zone.as_str());
                prop_assert_eq!(again.as_ref(), Ok(&zone));
            }
        }
    }

    #[test]
    fn languages_are_read_as_they_are_written() {
        for language in [Language::Russian, Language::English] {
            assert_eq!(Language::parse(language.as_str()), Ok(language));
        }
        assert_eq!(Language::parse("RU"), Err(BadLanguage));
    }

    #[test]
    fn a_zone_is_one_that_the_database_knows() {
        assert_eq!(TimeZone::parse("Europe/Moscow").unwrap().as_str(), "Europe/Moscow");
        assert_eq!(TimeZone::parse("europe/moscow").unwrap().as_str(), "Europe/Moscow");
        assert_eq!(TimeZone::parse("UTC").unwrap().as_str(), "UTC");
        for bad in ["", "Moscow", "+03:00", "Europe/Atlantis", "../etc/passwd"] {
            assert_eq!(TimeZone::parse(bad), Err(BadTimeZone), "{bad:?}");
        }
    }
}
