//! Whether a tutor's papers are believed: what documents announced about them, and until which day of the school.

use time::Date;

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

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::date;

    #[test]
    fn the_last_day_is_included() {
        let until = BelievedUntil::parse("2031-05-31").unwrap();
        assert!(until.holds(date!(2031 - 05 - 31)) && !until.holds(date!(2031 - 06 - 01)));
        assert!(BelievedUntil::parse("").unwrap().holds(Date::MAX));
        for bad in ["soon", "2031-02-30", "2031-5-31"] {
            assert_eq!(BelievedUntil::parse(bad), Err(BadDay), "{bad}");
        }
    }
}
