//! Texts of the path and the query to what fields hold.

use std::str::FromStr;

use http::StatusCode;
use proto::wkt::{Duration, FieldMask, Timestamp};

use rpc::{Violation, ViolationCode};

use crate::problem::Problem;

/// What was expected instead. The field is filled in by whoever knows the parameter's name.
pub type Said = Violation;

/// What is wrong with a parameter.
pub fn said(code: ViolationCode, message: impl Into<String>) -> Said {
    Violation::new("", code, message)
}

fn malformed(message: &str) -> Said {
    said(ViolationCode::Malformed, message)
}

/// What became of a query parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Took {
    /// It may come once.
    Once,
    /// It is a list and may come again.
    Again,
    /// There is no such parameter.
    Unknown,
}

/// A type that a parameter can have.
pub trait Parameter: Sized {
    /// Reads the text.
    fn read(text: &str) -> Result<Self, Said>;
}

macro_rules! parameters {
    ($($kind:ty: $expected:literal;)*) => {
        $(
            impl Parameter for $kind {
                fn read(text: &str) -> Result<Self, Said> {
                    text.parse().map_err(|_| malformed($expected))
                }
            }
        )*
    };
}

parameters! {
    bool: "expected true or false";
    i32: "expected a whole number";
    i64: "expected a whole number";
    u32: "expected a whole number that is not negative";
    u64: "expected a whole number that is not negative";
}

impl Parameter for String {
    fn read(text: &str) -> Result<Self, Said> {
        if text.contains('\0') { Err(malformed("a text holds the character U+0000")) } else { Ok(text.to_owned()) }
    }
}

macro_rules! texts {
    ($($kind:ty)*) => {
        $(
            impl Parameter for $kind {
                fn read(text: &str) -> Result<Self, Said> {
                    Self::from_str(text).map_err(malformed)
                }
            }
        )*
    };
}
texts!(Timestamp Duration FieldMask);

/// Reads a parameter of the type that its field has.
pub fn param<T: Parameter>(text: &str) -> Result<T, Said> {
    T::read(text)
}

/// Reads an enum's value by its name.
pub fn enumeration<E: Into<i32>>(text: &str, by_name: fn(&str) -> Option<E>, names: &[&str]) -> Result<i32, Said> {
    by_name(text).map(Into::into).ok_or_else(|| {
        let allowed = names.join(", ");
        said(ViolationCode::UnknownValue, format!("expected one of {allowed}")).with("allowed", allowed)
    })
}

/// Refuses a second field of a oneof.
pub fn only(is_first: bool) -> Result<(), Said> {
    if is_first { Ok(()) } else { Err(said(ViolationCode::NotAllowed, "only one of these parameters may be sent")) }
}

/// The parameters of a query in their order. Unlike a browser's form it has to be UTF-8 and correctly escaped.
pub fn pairs(query: &str) -> Result<Vec<(String, String)>, Problem> {
    if !is_decodable(query) {
        let detail = "The query holds a wrong percent escape, or one that is not UTF-8.";
        return Err(Problem::new(StatusCode::BAD_REQUEST, "INVALID_QUERY", detail));
    }
    Ok(form_urlencoded::parse(query.as_bytes()).into_owned().collect())
}

fn is_decodable(query: &str) -> bool {
    let mut decoded = Vec::with_capacity(query.len());
    let mut bytes = query.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let mut digit = || bytes.next().and_then(|digit| char::from(digit).to_digit(16));
        let (Some(high), Some(low)) = (digit(), digit()) else { return false };
        decoded.extend(u8::try_from(high * 16 + low));
    }
    str::from_utf8(&decoded).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_query_is_refused_or_read(query in "\\PC{0,60}|([a-z]{0,3}=?(%[0-9a-fA-F]{2}|[+a-z%]){0,6}&?){0,6}") {
            if let Ok(pairs) = pairs(&query) {
                prop_assert!(pairs.len() <= query.split('&').count());
            }
        }

        #[test]
        fn what_was_written_is_read_again(pairs_in in prop::collection::vec((any::<String>(), any::<String>()), 0..5)) {
            let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(&pairs_in).finish();
            prop_assert_eq!(pairs(&query).unwrap(), pairs_in);
        }

        #[test]
        fn any_text_is_a_value_or_says_what_was_expected(text in any::<String>()) {
            let _ = (param::<i32>(&text), param::<u64>(&text), param::<bool>(&text));
            let _ = (param::<Timestamp>(&text), param::<Duration>(&text), param::<FieldMask>(&text));
            prop_assert_eq!(param::<String>(&text).is_err(), text.contains('\0'));
        }
    }

    #[test]
    fn escapes_are_strict() {
        let read = pairs("a=%D0%96+b&c=%2B&c=&d").unwrap();
        let read: Vec<_> = read.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        assert_eq!(read, [("a", "Ж b"), ("c", "+"), ("c", ""), ("d", "")]);
        for bad in ["a=%", "a=%4", "a=%zz", "a=%ff", "%C3=1", "a=%D0%00%96"] {
            assert!(pairs(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn texts_become_values_or_say_what_was_expected() {
        assert_eq!(param::<i64>("-9223372036854775808"), Ok(i64::MIN));
        assert_eq!(param::<u32>("-1").unwrap_err().message, "expected a whole number that is not negative");
        assert_eq!(param::<bool>("1").unwrap_err().message, "expected true or false");
        assert!(param::<Timestamp>("2026-01-31T12:00:00+03:00").is_ok());
        assert!(param::<String>("a\0").is_err());
    }
}
