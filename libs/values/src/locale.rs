//! The language and the time zone of a person or a course.

use std::{fmt, str::FromStr};

use time::{Date, Month, OffsetDateTime, UtcOffset};

use crate::Named;

/// A language that Lyceum speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Named)]
pub enum Language {
    /// Russian, `ru`.
    #[named("ru")]
    Russian,
    /// English, `en`.
    #[named("en")]
    English,
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

    /// The day that this zone has at an instant.
    pub fn day(&self, instant: OffsetDateTime) -> Date {
        let local = jiff::Timestamp::from_second(instant.unix_timestamp()).and_then(|at| at.in_tz(self.as_str()));
        let date = local.ok().and_then(|at| {
            let month = Month::try_from(u8::try_from(at.month()).ok()?).ok()?;
            Date::from_calendar_date(at.year().into(), month, u8::try_from(at.day()).ok()?).ok()
        });
        // The zone was checked, so that it is known; a day in UTC is at most a few hours off.
        date.unwrap_or(instant.to_offset(UtcOffset::UTC).date())
    }
}

crate::column::text_column!(TimeZone);

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
            let _ = text.parse::<Language>();
            if let Ok(zone) = TimeZone::parse(&text) {
                let again = TimeZone::parse(zone.as_str());
                prop_assert_eq!(again.as_ref(), Ok(&zone));
            }
        }
    }

    #[test]
    fn languages_are_read_as_they_are_written() {
        for language in [Language::Russian, Language::English] {
            assert_eq!(Language::parse(language.as_str()), Some(language));
        }
        assert_eq!("RU".parse::<Language>().unwrap_err().to_string(), "expected ru or en");
    }

    #[test]
    fn a_day_is_that_of_the_zone() {
        let late = time::macros::datetime!(2026-03-02 21:30 UTC);
        let day = |zone| TimeZone::parse(zone).unwrap().day(late);
        assert_eq!(day("Europe/Moscow"), time::macros::date!(2026 - 03 - 03));
        assert_eq!(day("UTC"), time::macros::date!(2026 - 03 - 02));
        assert_eq!(day("America/New_York"), time::macros::date!(2026 - 03 - 02));
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
