//! Days, and the weeks and months that they are put together to. Which day an instant is in is the store's to say.

use std::str::FromStr;

use time::{Date, Duration, Month, Weekday};

/// How time is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, values::Named)]
pub enum Granularity {
    Day,
    /// From Monday.
    Week,
    Month,
}

/// A text that is no day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a day such as 2026-11-01, of the years 2000 to 2999")]
pub struct BadDay;

values::mistake!(BadDay => Malformed);

/// A day as it is written in requests: `2026-11-01` and in no other way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Day(pub Date);

impl FromStr for Day {
    type Err = BadDay;

    fn from_str(text: &str) -> Result<Self, BadDay> {
        let digits = |from: usize, to: usize| {
            let part = text.get(from..to)?;
            part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse::<u16>().ok()).flatten()
        };
        let dashed = text.len() == 10 && text.get(4..5) == Some("-") && text.get(7..8) == Some("-");
        let read = || {
            let month = Month::try_from(u8::try_from(digits(5, 7)?).ok()?).ok()?;
            Date::from_calendar_date(i32::from(digits(0, 4)?), month, u8::try_from(digits(8, 10)?).ok()?).ok()
        };
        let day = if dashed { read() } else { None };
        day.filter(|day| (2000..3000).contains(&day.year())).map(Self).ok_or(BadDay)
    }
}

/// Days from the first to the last, both of them included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub from: Date,
    pub to: Date,
}

/// Why two days are no span that a report covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSpan {
    #[error("is before `from`")]
    Backwards,
    #[error("is more than {0} years after `from`")]
    TooLong(i32),
}

values::mistake!(BadSpan => OutOfRange);

impl Span {
    /// Refuses what ends before it begins, or more than some years after.
    pub fn new(from: Date, to: Date, years: i32) -> Result<Self, BadSpan> {
        if to < from {
            return Err(BadSpan::Backwards);
        }
        let year = from.year() + years;
        // There is no 29 February: the next day then.
        let last = from.replace_year(year).or_else(|_| Date::from_calendar_date(year, Month::March, 1));
        if last.is_ok_and(|last| to > last) { Err(BadSpan::TooLong(years)) } else { Ok(Self { from, to }) }
    }

    /// The days up to and with the last one, as many as told.
    pub fn ending(last: Date, days: u16) -> Self {
        Self { from: last - Duration::days(i64::from(days) - 1), to: last }
    }

    pub fn contains(self, day: Date) -> bool {
        (self.from..=self.to).contains(&day)
    }

    /// Its periods in order; the first and the last one only as far as they are inside.
    pub fn periods(self, by: Granularity) -> Vec<Period> {
        let mut periods = Vec::new();
        let mut start = by.start(self.from);
        while start <= self.to {
            let next = by.next(start);
            let days = Span { from: start.max(self.from), to: (next - Duration::DAY).min(self.to) };
            periods.push(Period { start, days });
            start = next;
        }
        periods
    }
}

/// A day, week or month of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// The calendar's first day of it, which need not be inside the report.
    pub start: Date,
    /// The days of it that are counted.
    pub days: Span,
}

/// People who begin are not grouped by days: a day is too short to come back in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected week or month")]
pub struct BadCohorts;

values::mistake!(BadCohorts => UnknownValue, allowed = "week, month");

impl Granularity {
    /// How people who begin are grouped; by month where nothing is said.
    pub fn of_cohorts(asked: Option<Self>) -> Result<Self, BadCohorts> {
        match asked {
            None => Ok(Self::Month),
            Some(Self::Day) => Err(BadCohorts),
            Some(by) => Ok(by),
        }
    }

    /// The first day of the period that a day is in.
    pub fn start(self, day: Date) -> Date {
        match self {
            Self::Day => day,
            Self::Week if day.weekday() == Weekday::Monday => day,
            Self::Week => day.prev_occurrence(Weekday::Monday),
            Self::Month => day - Duration::days(i64::from(day.day()) - 1),
        }
    }

    /// The first day of the period after the one that begins on a day.
    pub fn next(self, start: Date) -> Date {
        match self {
            Self::Day => start + Duration::DAY,
            Self::Week => start + Duration::WEEK,
            // No month is longer than 31 days, and two are longer than 32.
            Self::Month => self.start(start + Duration::days(32)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::date;

    use super::*;

    #[test]
    fn a_day_is_written_in_one_way() {
        assert_eq!("2028-02-29".parse(), Ok(Day(date!(2028 - 02 - 29))));
        for bad in [
            "",
            "2026-2-1",
            "2026-02-30",
            "02-01-2026",
            "2026/02/01",
            "+026-02-01",
            "2026-02-01 ",
            "1999-12-31",
            "2026-٠2-1",
            "20２6-1-1",
        ] {
            assert_eq!(bad.parse::<Day>(), Err(BadDay), "{bad:?}");
        }
    }

    #[test]
    fn a_span_has_an_end_and_a_length() {
        let (from, to) = (date!(2024 - 02 - 29), date!(2029 - 03 - 01));
        assert_eq!(Span::new(from, to, 5), Ok(Span { from, to }));
        assert_eq!(Span::new(from, date!(2029 - 03 - 02), 5), Err(BadSpan::TooLong(5)));
        assert_eq!(Span::new(from, date!(2024 - 02 - 28), 5), Err(BadSpan::Backwards));
        assert_eq!(Span::ending(to, 30), Span { from: date!(2029 - 01 - 31), to });
    }

    #[test]
    fn weeks_begin_on_monday_and_are_cut_by_the_span() {
        let span = Span { from: date!(2026 - 11 - 25), to: date!(2026 - 12 - 01) };
        let weeks: Vec<_> = span.periods(Granularity::Week).iter().map(|week| (week.start, week.days.to)).collect();
        let expected = [(date!(2026 - 11 - 23), date!(2026 - 11 - 29)), (date!(2026 - 11 - 30), date!(2026 - 12 - 01))];
        assert_eq!(weeks, expected);
        let months = span.periods(Granularity::Month);
        assert_eq!((months[0].start, months[0].days.from), (date!(2026 - 11 - 01), date!(2026 - 11 - 25)));
        assert_eq!((months.len(), months[1].start), (2, date!(2026 - 12 - 01)));
    }

    proptest! {
        #[test]
        fn periods_cover_a_span_once(from in 0_i64..200_000, days in 1_u16..800, unit in 0_usize..3) {
            let by = [Granularity::Day, Granularity::Week, Granularity::Month][unit];
            let span = Span::ending(date!(2000 - 01 - 01) + Duration::days(from + 800), days);
            let mut next = span.from;
            for period in span.periods(by) {
                prop_assert_eq!(period.days.from, next);
                prop_assert_eq!(by.start(period.days.to), period.start);
                next = period.days.to + Duration::DAY;
            }
            prop_assert_eq!(next, span.to + Duration::DAY);
        }
    }
}
