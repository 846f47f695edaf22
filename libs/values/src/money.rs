//! Money: whole minor units of one currency, checked arithmetic, no floats anywhere.

use std::{fmt, str::FromStr};

use crate::record::{self, Arguments, Column, Record, Row};

/// A currency by its three-letter ISO 4217 code.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Currency([u8; 3]);

/// A text that is no currency code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a three-letter currency code such as RUB")]
pub struct BadCurrency;

impl Currency {
    /// The Russian rouble.
    pub const RUB: Self = Self(*b"RUB");

    /// Takes three capital letters. Which currencies a shop sells in is its own rule.
    pub fn parse(text: &str) -> Result<Self, BadCurrency> {
        let code: [u8; 3] = text.as_bytes().try_into().map_err(|_| BadCurrency)?;
        if code.iter().all(u8::is_ascii_uppercase) { Ok(Self(code)) } else { Err(BadCurrency) }
    }

    /// The code.
    pub fn as_str(&self) -> &str {
        // Three ASCII capitals are always text.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// Digits after the point when people read an amount (ISO 4217 minor unit).
    pub fn digits(self) -> u32 {
        match &self.0 {
            b"BIF" | b"CLP" | b"DJF" | b"GNF" | b"ISK" | b"JPY" | b"KMF" | b"KRW" | b"PYG" | b"RWF" | b"UGX"
            | b"UYI" | b"VND" | b"VUV" | b"XAF" | b"XOF" | b"XPF" => 0,
            b"BHD" | b"IQD" | b"JOD" | b"KWD" | b"LYD" | b"OMR" | b"TND" => 3,
            _ => 2,
        }
    }
}

crate::column::text_column!(Currency);

impl FromStr for Currency {
    type Err = BadCurrency;

    fn from_str(text: &str) -> Result<Self, BadCurrency> {
        Self::parse(text)
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

/// An amount in minor units (kopecks, cents) of one currency; may be negative where it is a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Money {
    minor: i64,
    currency: Currency,
}

/// Why an amount could not be computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// The result does not fit.
    #[error("the amount is too large")]
    Overflow,
    /// Amounts of two currencies met.
    #[error("cannot combine {0} with {1}")]
    Currencies(Currency, Currency),
    /// More than the whole was to be taken off.
    #[error("a discount is at most 10000 basis points")]
    Discount,
}

impl Money {
    /// An amount of `minor` minor units.
    pub const fn new(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// Minor units.
    pub const fn minor(self) -> i64 {
        self.minor
    }

    /// The currency.
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// Whether it is nothing.
    pub const fn is_zero(self) -> bool {
        self.minor == 0
    }

    /// Whether it is less than nothing.
    pub const fn is_negative(self) -> bool {
        self.minor < 0
    }

    fn with(self, other: Self, of: impl Fn(i64, i64) -> Option<i64>) -> Result<Self, MoneyError> {
        if self.currency != other.currency {
            return Err(MoneyError::Currencies(self.currency, other.currency));
        }
        Ok(Self { minor: of(self.minor, other.minor).ok_or(MoneyError::Overflow)?, ..self })
    }

    /// The sum; refuses another currency and overflow.
    pub fn checked_add(self, other: Self) -> Result<Self, MoneyError> {
        self.with(other, i64::checked_add)
    }

    /// The difference; refuses another currency and overflow.
    pub fn checked_sub(self, other: Self) -> Result<Self, MoneyError> {
        self.with(other, i64::checked_sub)
    }

    /// The amount `times` over; refuses overflow.
    pub fn checked_mul(self, times: i64) -> Result<Self, MoneyError> {
        Ok(Self { minor: self.minor.checked_mul(times).ok_or(MoneyError::Overflow)?, ..self })
    }

    /// What is left after a discount of `basis_points` hundredths of a percent (1,000 = 10 %).
    ///
    /// The discount is rounded half up to a whole minor unit, so that the buyer is never the one who loses the half.
    /// Refuses negative amounts and more than 10,000 basis points.
    pub fn percent_off(self, basis_points: u32) -> Result<Self, MoneyError> {
        if basis_points > 10_000 || self.is_negative() {
            return Err(MoneyError::Discount);
        }
        let discount = (i128::from(self.minor) * i128::from(basis_points) + 5_000) / 10_000;
        let discount = i64::try_from(discount).map_err(|_| MoneyError::Overflow)?;
        Ok(Self { minor: self.minor - discount, ..self })
    }
}

/// The two columns of a single amount. Amounts that share one currency are put together by their store.
impl Record for Money {
    const COLUMNS: &'static [Column] = &[Column::of("amount_minor"), Column::of("currency")];

    fn read(row: &Row<'_>) -> Result<Self, record::Error> {
        Ok(Self { minor: row.get("amount_minor")?, currency: row.get("currency")? })
    }

    fn bind(money: Option<&Self>, to: &mut Arguments) {
        to.add(money.map(|money| money.minor));
        to.add(money.map(|money| money.currency));
    }
}

impl fmt::Display for Money {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.currency.digits();
        let (sign, minor) = (if self.minor < 0 { "-" } else { "" }, self.minor.unsigned_abs());
        match 10_u64.pow(digits) {
            1 => write!(out, "{sign}{minor} {}", self.currency),
            unit => write!(
                out,
                "{sign}{}.{:0width$} {}",
                minor / unit,
                minor % unit,
                self.currency,
                width = digits as usize
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn roubles(minor: i64) -> Money {
        Money::new(minor, Currency::RUB)
    }

    #[test]
    fn amounts_read_as_people_write_them() {
        assert_eq!(roubles(149_000).to_string(), "1490.00 RUB");
        assert_eq!(roubles(-5).to_string(), "-0.05 RUB");
        assert_eq!(roubles(i64::MIN).to_string(), "-92233720368547758.08 RUB");
        assert_eq!(Money::new(7, Currency::parse("JPY").unwrap()).to_string(), "7 JPY");
        assert_eq!(Money::new(7, Currency::parse("KWD").unwrap()).to_string(), "0.007 KWD");
    }

    #[test]
    fn a_currency_is_three_capitals() {
        for bad in ["", "RU", "RUBL", "rub", "РУБ", "R1B"] {
            assert_eq!(Currency::parse(bad), Err(BadCurrency), "{bad}");
        }
    }

    #[test]
    fn currencies_do_not_mix_and_sums_do_not_wrap() {
        let dollars = Money::new(1, Currency::parse("USD").unwrap());
        assert!(matches!(roubles(1).checked_add(dollars), Err(MoneyError::Currencies(..))));
        assert_eq!(roubles(i64::MAX).checked_add(roubles(1)), Err(MoneyError::Overflow));
        assert_eq!(roubles(i64::MIN).checked_sub(roubles(1)), Err(MoneyError::Overflow));
        assert_eq!(roubles(i64::MAX).checked_mul(2), Err(MoneyError::Overflow));
    }

    #[test]
    fn half_a_kopeck_goes_to_the_buyer() {
        assert_eq!(roubles(5).percent_off(1_000).unwrap(), roubles(4));
        assert_eq!(roubles(4).percent_off(1_000).unwrap(), roubles(4));
        assert_eq!(roubles(149_000).percent_off(1_000).unwrap(), roubles(134_100));
        assert_eq!(roubles(1).percent_off(10_001), Err(MoneyError::Discount));
    }

    proptest! {
        #[test]
        fn a_discount_leaves_something_between_nothing_and_all(minor in 0..=i64::MAX, points in 0_u32..=10_000) {
            let left = roubles(minor).percent_off(points).unwrap();
            prop_assert!((0..=minor).contains(&left.minor()));
            if points == 0 { prop_assert_eq!(left.minor(), minor) }
            if points == 10_000 { prop_assert!(left.is_zero()) }
        }

        #[test]
        fn subtracting_undoes_adding(a in any::<i64>(), b in any::<i64>()) {
            if let Ok(sum) = roubles(a).checked_add(roubles(b)) {
                prop_assert_eq!(sum.checked_sub(roubles(b)), Ok(roubles(a)));
            }
        }
    }
}
