//! Decimal numbers as people type them, compared exactly. No arithmetic beyond what grading needs.

use std::{fmt, str::FromStr};

/// A number of up to 15 digits, 6 of them after the point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Decimal {
    millionths: i64,
}

/// A text that is no such number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a number such as 3.14, of up to 15 digits, 6 of them after the point")]
pub struct NotADecimal;

values::mistake!(NotADecimal => Malformed);

const PLACES: usize = 6;

impl Decimal {
    pub const ZERO: Self = Self { millionths: 0 };

    /// Takes `3.14`, `3,14` and `-3`; blanks around it do not count. A Russian keyboard's comma is a point.
    pub fn parse(text: &str) -> Result<Self, NotADecimal> {
        let text = text.trim();
        // The typographic minus comes from texts that were copied.
        let (negative, digits) = match text.strip_prefix(['-', '−']) {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (whole, fraction) = digits.split_once(['.', ',']).unwrap_or((digits, "0"));
        let plain = |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        if !plain(whole) || !plain(fraction) || whole.len() > 9 || fraction.len() > PLACES {
            return Err(NotADecimal);
        }
        let millionths: i64 = format!("{whole}{fraction:0<PLACES$}").parse().map_err(|_| NotADecimal)?;
        Ok(Self { millionths: if negative { -millionths } else { millionths } })
    }

    /// Whether the numbers are at most `tolerance` apart.
    pub const fn within(self, tolerance: Self, other: Self) -> bool {
        self.millionths.abs_diff(other.millionths) <= tolerance.millionths.unsigned_abs()
    }
}

impl FromStr for Decimal {
    type Err = NotADecimal;

    fn from_str(text: &str) -> Result<Self, NotADecimal> {
        Self::parse(text)
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.millionths < 0 { "-" } else { "" };
        let digits = self.millionths.unsigned_abs();
        let (whole, fraction) = (digits / 1_000_000, format!("{:06}", digits % 1_000_000));
        match fraction.trim_end_matches('0') {
            "" => write!(out, "{sign}{whole}"),
            fraction => write!(out, "{sign}{whole}.{fraction}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_number_is_taken_as_people_type_it() {
        for (typed, shown) in [("3.14", "3.14"), (" 3,140 ", "3.14"), ("-0.5", "-0.5"), ("−7", "-7"), ("+007", "7")] {
            assert_eq!(Decimal::parse(typed).unwrap().to_string(), shown);
        }
        for bad in ["", "-", ".5", "5.", "1e3", "1.2.3", "0x10", "1 000", "1.0000001", "1234567890", "NaN", "٣"] {
            assert_eq!(Decimal::parse(bad), Err(NotADecimal), "{bad}");
        }
    }

    #[test]
    fn a_tolerance_is_exact() {
        let number = |text| Decimal::parse(text).unwrap();
        assert!(number("0.3").within(Decimal::ZERO, number("0,30")));
        assert!(number("3.15").within(number("0.01"), number("3.14")));
        assert!(!number("3.150001").within(number("0.01"), number("3.14")));
        assert!(number("-1").within(number("2"), number("1")));
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read_back(whole in -999_999_999_i64..=999_999_999, fraction in 0..1_000_000_u32) {
            let number = Decimal::parse(&format!("{whole}.{fraction:06}")).unwrap();
            prop_assert_eq!(Decimal::parse(&number.to_string()), Ok(number));
        }

        #[test]
        fn no_text_breaks_it(text in ".{0,24}") {
            let _ = Decimal::parse(&text);
        }
    }
}
