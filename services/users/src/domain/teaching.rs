//! Whether a tutor's papers are believed: what documents announced about them, and until which day of the school.

use time::{Date, Month, OffsetDateTime};
use values::TimeZone;

/// The last day on which a tutor's papers are believed. Papers that do not run out are believed for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BelievedUntil(Date);

/// A text that is no day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a day such as 2031-05-31, or nothing")]
pub struct BadDay;

impl BelievedUntil {
    /// Believed until this day, and on it.
    pub fn day(day: Date) -> Self {
        Self(day)
    }

    /// Takes the day of an event; an empty text is for ever.
    pub fn parse(text: &str) -> Result<Self, BadDay> {
        if text.is_empty() {
            return Ok(Self(Date::MAX));
        }
        let form = time::macros::format_description!("[year]-[month]-[day]");
        Date::parse(text, form).map(Self).map_err(|_| BadDay)
    }

    /// The day, the last one of the calendar for those that are believed for ever.
    pub fn last_day(self) -> Date {
        self.0
    }

    /// Whether it holds on a day.
    pub fn holds(self, today: Date) -> bool {
        today <= self.0
    }
}

/// The day that the school has at an instant.
pub fn school_day(now: OffsetDateTime, zone: &TimeZone) -> Date {
    let local = jiff::Timestamp::from_second(now.unix_timestamp()).and_then(|at| at.in_tz(zone.as_str()));
    let date = local.ok().and_then(|at| {
        let month = Month::try_from(u8::try_from(at.month()).ok()?).ok()?;
        Date::from_calendar_date(at.year().into(), month, u8::try_from(at.day()).ok()?).ok()
    });
    // A zone that was checked when it was configured is known; a day in UTC is at most a few hours off.
    date.unwrap_or(now.to_offset(time::UtcOffset::UTC).date())
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::{date, datetime};

    #[test]
    fn the_last_day_is_included() {
        let until = BelievedUntil::parse("2031-05-31").unwrap();
        assert!(until.holds(date!(2031 - 05 - 31)) && !until.holds(date!(2031 - 06 - 01)));
        assert!(BelievedUntil::parse("").unwrap().holds(Date::MAX));
        for bad in ["soon", "2031-02-30", "2031-5-31"] {
            assert_eq!(BelievedUntil::parse(bad), Err(BadDay), "{bad}");
        }
    }

    #[test]
    fn the_school_has_its_own_day() {
        let late = datetime!(2026-03-02 21:30 UTC);
        assert_eq!(school_day(late, &TimeZone::parse("Europe/Moscow").unwrap()), date!(2026 - 03 - 03));
        assert_eq!(school_day(late, &TimeZone::parse("America/New_York").unwrap()), date!(2026 - 03 - 02));
    }
}
