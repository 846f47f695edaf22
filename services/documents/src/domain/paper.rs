//! What a paper proves, why one is refused, and the days between which it counts.

use std::{fmt, str::FromStr};

use time::{Date, Duration, Month};
use values::Text;

/// What a reviewer tells a tutor.
pub type Comment = Text<0, 1_000>;

/// What a paper proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, values::Named)]
pub enum PaperKind {
    Identity,
    Education,
    NoCriminalRecord,
    TaxStatus,
}

/// Why a paper was refused, or its verification taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, values::Named)]
#[named(capitals)]
pub enum Reason {
    Unreadable,
    NameDiffers,
    OutOfDate,
    WrongPaper,
    Forged,
    Other,
}

/// The papers that the school asks its tutors for: at least one, each once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedPapers(Vec<PaperKind>);

/// A list that names no papers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected some of identity, education, no_criminal_record and tax_status, separated by commas")]
pub struct BadPapers;

impl AskedPapers {
    /// In the contract's order.
    pub fn kinds(&self) -> &[PaperKind] {
        &self.0
    }
}

impl Default for AskedPapers {
    /// Who somebody is, and what they learnt.
    fn default() -> Self {
        Self(vec![PaperKind::Identity, PaperKind::Education])
    }
}

impl FromStr for AskedPapers {
    type Err = BadPapers;

    fn from_str(text: &str) -> Result<Self, BadPapers> {
        let kinds = text.split(',').map(|name| PaperKind::parse(name.trim()).ok_or(BadPapers));
        let mut kinds = kinds.collect::<Result<Vec<_>, _>>()?;
        kinds.sort();
        kinds.dedup();
        Ok(Self(kinds))
    }
}

impl fmt::Display for AskedPapers {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0.iter().map(|kind| kind.as_str()).collect::<Vec<_>>().join(","))
    }
}

/// What the school asks tutors for, and how it is found out.
#[derive(Debug, Clone)]
pub struct Papers {
    pub asked: AskedPapers,
    /// How patient the school is with the Document System; `None` if there is none.
    pub system: Option<Patience>,
}

/// How long an answer of the Document System is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Until it is asked again.
    pub each: Duration,
    /// How often it is asked.
    pub times: i32,
}

impl Patience {
    /// Until people take over.
    pub fn in_all(self) -> Duration {
        self.each * self.times
    }
}

/// A text that is no day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a day such as 2031-05-31")]
pub struct BadDay;

values::mistake!(BadDay => Malformed);

/// A day in a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Day(pub Date);

impl FromStr for Day {
    type Err = BadDay;

    fn from_str(text: &str) -> Result<Self, BadDay> {
        parse_day(text).map(Self)
    }
}

/// Reads a day such as `2031-05-31`, in exactly this form.
pub fn parse_day(text: &str) -> Result<Date, BadDay> {
    let bytes = text.as_bytes();
    let shaped = bytes.len() == 10
        && bytes
            .iter()
            .enumerate()
            .all(|(at, byte)| if at == 4 || at == 7 { *byte == b'-' } else { byte.is_ascii_digit() });
    if !shaped {
        return Err(BadDay);
    }
    let number = |from: usize, to: usize| text[from..to].parse::<u16>().map_err(|_| BadDay);
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let month = u8::try_from(month).ok().and_then(|month| Month::try_from(month).ok()).ok_or(BadDay)?;
    let day = u8::try_from(day).map_err(|_| BadDay)?;
    if year == 0 {
        return Err(BadDay);
    }
    Date::from_calendar_date(i32::from(year), month, day).map_err(|_| BadDay)
}

/// Writes a day as it is read.
pub fn day(day: Date) -> String {
    format!("{:04}-{:02}-{:02}", day.year(), u8::from(day.month()), day.day())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use time::macros::date;

    #[test]
    fn names_are_read_as_they_are_written() {
        for kind in PaperKind::ALL {
            assert_eq!(PaperKind::parse(kind.as_str()), Some(*kind));
        }
        for reason in Reason::ALL {
            assert_eq!(reason.as_str().parse(), Ok(*reason));
        }
        assert_eq!(Reason::parse("unreadable"), None);
    }

    #[test]
    fn the_school_says_which_papers_it_asks_for() {
        let asked: AskedPapers = " education,identity,education".parse().unwrap();
        assert_eq!(asked, AskedPapers::default());
        assert_eq!(asked.to_string(), "identity,education");
        for bad in ["", ",", "identity,", "passport"] {
            assert_eq!(bad.parse::<AskedPapers>(), Err(BadPapers), "{bad:?}");
        }
    }

    #[test]
    fn a_day_has_one_form() {
        assert_eq!(parse_day("2031-05-31"), Ok(date!(2031 - 05 - 31)));
        for bad in
            ["", "2031-5-31", "2031-02-30", "31.05.2031", "+031-05-31", "2031-05-31T", "0000-01-01", "２031-05-31"]
        {
            assert_eq!(parse_day(bad), Err(BadDay), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_day_or_refused(text in ".{0,12}") {
            if let Ok(read) = parse_day(&text) {
                prop_assert_eq!(day(read), text);
            }
        }

        #[test]
        fn days_are_read_as_they_are_written(ordinal in 1u16..=365, year in 1i32..=9999) {
            let some = Date::from_ordinal_date(year, ordinal).unwrap();
            prop_assert_eq!(parse_day(&day(some)), Ok(some));
        }
    }
}
