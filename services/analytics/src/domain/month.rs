//! The calendar month, in UTC, by which events are kept apart and dropped.

use time::{Date, Month as Name, OffsetDateTime, Time};

/// A month of a year.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Month {
    year: i32,
    month: u8,
}

impl Month {
    /// The month that an instant is in.
    pub fn of(at: OffsetDateTime) -> Self {
        let date = at.to_offset(time::UtcOffset::UTC).date();
        Self { year: date.year(), month: date.month().into() }
    }

    /// The one after it.
    #[must_use]
    pub fn next(self) -> Self {
        match self.month {
            12 => Self { year: self.year + 1, month: 1 },
            month => Self { month: month + 1, ..self },
        }
    }

    /// Its first instant.
    pub fn start(self) -> OffsetDateTime {
        let name = Name::try_from(self.month).unwrap_or(Name::January);
        let first = Date::from_calendar_date(self.year, name, 1).unwrap_or(Date::MAX);
        first.with_time(Time::MIDNIGHT).assume_utc()
    }

    /// Such as `2026_11`.
    pub fn name(self) -> String {
        format!("{:04}_{:02}", self.year, self.month)
    }

    /// The month of such a name.
    pub fn parse(name: &str) -> Option<Self> {
        let (year, month) = name.split_once('_')?;
        let (year, month) = (year.parse().ok()?, month.parse().ok()?);
        (1..=12).contains(&month).then_some(Self { year, month })
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_month_ends_where_the_next_begins() {
        let december = Month::of(datetime!(2026-12-31 23:59:59 UTC));
        assert_eq!(december.next(), Month::of(datetime!(2027-01-01 0:00 UTC)));
        assert_eq!(december.next().start(), datetime!(2027-01-01 0:00 UTC));
        assert_eq!(Month::of(datetime!(2027-01-01 2:00 +3)), december);
    }

    #[test]
    fn names_are_read_as_they_are_written() {
        let month = Month::of(datetime!(2026-02-03 0:00 UTC));
        assert_eq!(month.name(), "2026_02");
        assert_eq!(Month::parse(&month.name()), Some(month));
        assert_eq!([Month::parse("2026_13"), Month::parse("staging")], [None, None]);
    }
}
