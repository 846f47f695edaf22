//! What is wrong with a value, for machines: a code and its parameters beside the sentence for people.

use std::{
    collections::BTreeMap, convert::Infallible, fmt, net::AddrParseError, num::ParseFloatError, num::ParseIntError,
    str::ParseBoolError,
};

use crate::{
    BadCurrency, BadCursor, BadKey, BadPage, BadText, BadTimeZone, MoneyError, NotAnId, PageSize, UnknownName,
};

/// What a machine needs to know to say it in its own words: names of bounds, and what they are.
pub type Params = BTreeMap<String, String>;

/// Why a field of a request was refused. A promise to clients: codes are added and never renamed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ViolationCode {
    /// The field must be there, and not be empty.
    Required,
    /// A text or a list of bytes is shorter than `min`.
    TooShort,
    /// A text or a list of bytes is longer than `max`.
    TooLong,
    /// A list has fewer items than `min`.
    TooFewItems,
    /// A list has more items than `max`.
    TooManyItems,
    /// Something stands twice in a list.
    NotUnique,
    /// A number, a time or an amount is less than `min` or more than `max`.
    OutOfRange,
    /// The text is not an id.
    NotAnId,
    /// The value is none of those that there are; `allowed` lists them where they are few.
    UnknownValue,
    /// The value has not the form that is expected: a date, an address, a pattern, a type of JSON.
    Malformed,
    /// There is no such field or parameter.
    UnknownField,
    /// The field may not be sent here, or not together with another one.
    NotAllowed,
    /// The value breaks a rule that has no code of its own.
    InvalidValue,
}

impl ViolationCode {
    /// Every code.
    pub const ALL: [Self; 13] = [
        Self::Required,
        Self::TooShort,
        Self::TooLong,
        Self::TooFewItems,
        Self::TooManyItems,
        Self::NotUnique,
        Self::OutOfRange,
        Self::NotAnId,
        Self::UnknownValue,
        Self::Malformed,
        Self::UnknownField,
        Self::NotAllowed,
        Self::InvalidValue,
    ];

    /// The code as clients read it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Required => "REQUIRED",
            Self::TooShort => "TOO_SHORT",
            Self::TooLong => "TOO_LONG",
            Self::TooFewItems => "TOO_FEW_ITEMS",
            Self::TooManyItems => "TOO_MANY_ITEMS",
            Self::NotUnique => "NOT_UNIQUE",
            Self::OutOfRange => "OUT_OF_RANGE",
            Self::NotAnId => "NOT_AN_ID",
            Self::UnknownValue => "UNKNOWN_VALUE",
            Self::Malformed => "MALFORMED",
            Self::UnknownField => "UNKNOWN_FIELD",
            Self::NotAllowed => "NOT_ALLOWED",
            Self::InvalidValue => "INVALID_VALUE",
        }
    }

    /// The code that a neighbour sent. One that is newer than we are is [`InvalidValue`](Self::InvalidValue).
    pub fn parse(text: &str) -> Self {
        Self::ALL.into_iter().find(|code| code.as_str() == text).unwrap_or(Self::InvalidValue)
    }
}

impl fmt::Display for ViolationCode {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

/// An error of parsing one value. Its `Display` is for people: what would be right, without a capital and a full stop.
///
/// Most errors get it from [`mistake!`](crate::mistake!) in one line; one without a code of its own says
/// `impl Mistake for BadThing {}`.
pub trait Mistake: fmt::Display {
    /// The code.
    fn code(&self) -> ViolationCode {
        ViolationCode::InvalidValue
    }

    /// The parameters of the code.
    fn params(&self) -> Params {
        Params::new()
    }
}

/// Gives an error its code, and parameters if the code has some:
///
/// `values::mistake!(BadEmail => Malformed);` or `values::mistake!(BadPercent => OutOfRange, min = 1, max = 100);`
#[macro_export]
macro_rules! mistake {
    ($error:ty => $code:ident $(, $name:ident = $value:expr)* $(,)?) => {
        impl $crate::Mistake for $error {
            fn code(&self) -> $crate::ViolationCode {
                $crate::ViolationCode::$code
            }

            fn params(&self) -> $crate::Params {
                $crate::mistake::params([$((stringify!($name), &$value)),*])
            }
        }
    };
}

/// The parameters from pairs of a name and a value.
pub fn params<const N: usize>(pairs: [(&str, &dyn fmt::Display); N]) -> Params {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_string())).collect()
}

impl Mistake for BadText {
    fn code(&self) -> ViolationCode {
        match self {
            Self::TooShort(1) => ViolationCode::Required,
            Self::TooShort(_) => ViolationCode::TooShort,
            Self::TooLong(_) => ViolationCode::TooLong,
            Self::Control => ViolationCode::Malformed,
        }
    }

    fn params(&self) -> Params {
        match self {
            Self::TooShort(1) | Self::Control => Params::new(),
            Self::TooShort(min) => params([("min", min)]),
            Self::TooLong(max) => params([("max", max)]),
        }
    }
}

mistake!(NotAnId => NotAnId);
mistake!(BadPage => OutOfRange, min = 0, max = PageSize::MAX.get());
impl Mistake for UnknownName {
    fn code(&self) -> ViolationCode {
        ViolationCode::UnknownValue
    }

    fn params(&self) -> Params {
        params([("allowed", &self.expected())])
    }
}

mistake!(BadTimeZone => UnknownValue);

impl Mistake for MoneyError {
    fn code(&self) -> ViolationCode {
        match self {
            Self::Overflow | Self::Discount => ViolationCode::OutOfRange,
            Self::Currencies(..) => ViolationCode::NotAllowed,
        }
    }
}

mistake!(BadCurrency => Malformed);
mistake!(BadCursor => Malformed);
mistake!(BadKey => Malformed, min = 8, max = 128);
mistake!(ParseIntError => Malformed);
mistake!(ParseFloatError => Malformed);
mistake!(ParseBoolError => Malformed);
mistake!(AddrParseError => Malformed);

impl Mistake for Infallible {}
impl Mistake for String {}
impl Mistake for &str {}

impl<M: Mistake + ?Sized> Mistake for Box<M> {
    fn code(&self) -> ViolationCode {
        (**self).code()
    }

    fn params(&self) -> Params {
        (**self).params()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Text;

    #[test]
    fn codes_are_read_as_they_are_written() {
        for code in ViolationCode::ALL {
            assert_eq!(ViolationCode::parse(code.as_str()), code);
        }
        assert_eq!(ViolationCode::parse("OF_NEXT_YEAR"), ViolationCode::InvalidValue);
    }

    #[test]
    fn a_text_says_by_how_much_it_is_wrong() {
        let told = |error: BadText| (error.code().as_str(), error.params());
        assert_eq!(told(Text::<1, 3>::parse("").unwrap_err()), ("REQUIRED", Params::new()));
        assert_eq!(told(Text::<2, 3>::parse("a").unwrap_err()), ("TOO_SHORT", params([("min", &2)])));
        assert_eq!(told(Text::<1, 3>::parse("abcd").unwrap_err()), ("TOO_LONG", params([("max", &3)])));
        assert_eq!(told(Text::<1, 3>::parse("a\0").unwrap_err()), ("MALFORMED", Params::new()));
    }
}
