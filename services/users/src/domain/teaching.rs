//! Whether a tutor's papers are believed: what documents announced about them, and until which day of the school.

use time::Date;

/// The last day on which a tutor's papers are believed. Papers that do not run out are believed for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, values::Column)]
pub struct BelievedUntil(Date);

impl BelievedUntil {
    /// Believed until this day, and on it.
    pub fn day(day: Date) -> Self {
        Self(day)
    }

    /// Believed for ever.
    pub const fn for_ever() -> Self {
        Self(Date::MAX)
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
        let until = BelievedUntil::day(date!(2031 - 05 - 31));
        assert!(until.holds(date!(2031 - 05 - 31)) && !until.holds(date!(2031 - 06 - 01)));
        assert!(BelievedUntil::for_ever().holds(Date::MAX));
    }
}
