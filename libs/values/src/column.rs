//! Texts that are parsed: a `text` column and a JSON string, both read through the value's own `parse`.

use std::fmt::Display;

use sqlx::error::BoxDynError;

/// What a `parse` gives: the value, or why not.
pub trait Parsed<T> {
    /// The value, or an error that says which type refused.
    ///
    /// # Errors
    ///
    /// The text was refused.
    fn parsed(self, what: &'static str) -> Result<T, BoxDynError>;
}

impl<T, E: Display> Parsed<T> for Result<T, E> {
    fn parsed(self, what: &'static str) -> Result<T, BoxDynError> {
        self.map_err(|error| format!("this is no {what}: {error}").into())
    }
}

impl<T> Parsed<T> for Option<T> {
    fn parsed(self, what: &'static str) -> Result<T, BoxDynError> {
        self.ok_or_else(|| format!("this is no {what}").into())
    }
}

/// Gives a type with `parse(&str)` and `as_str()` its column and its JSON form.
macro_rules! text_column {
    ($type:ty $(, $(const $parameter:ident),+)?) => {
        impl $(<$(const $parameter: usize),+>)? sqlx::Type<sqlx::Postgres> for $type {
            fn type_info() -> sqlx::postgres::PgTypeInfo {
                <str as sqlx::Type<sqlx::Postgres>>::type_info()
            }
            fn compatible(info: &sqlx::postgres::PgTypeInfo) -> bool {
                <str as sqlx::Type<sqlx::Postgres>>::compatible(info)
            }
        }
        impl $(<$(const $parameter: usize),+>)? sqlx::postgres::PgHasArrayType for $type {
            fn array_type_info() -> sqlx::postgres::PgTypeInfo {
                <&str as sqlx::postgres::PgHasArrayType>::array_type_info()
            }
            fn array_compatible(info: &sqlx::postgres::PgTypeInfo) -> bool {
                <&str as sqlx::postgres::PgHasArrayType>::array_compatible(info)
            }
        }
        impl $(<$(const $parameter: usize),+>)? sqlx::Encode<'_, sqlx::Postgres> for $type {
            fn encode_by_ref(
                &self,
                buffer: &mut sqlx::postgres::PgArgumentBuffer,
            ) -> Result<sqlx::encode::IsNull, sqlx::error::BoxDynError> {
                <&str as sqlx::Encode<sqlx::Postgres>>::encode(self.as_str(), buffer)
            }
        }
        impl<'r $(, $(const $parameter: usize),+)?> sqlx::Decode<'r, sqlx::Postgres> for $type {
            fn decode(value: sqlx::postgres::PgValueRef<'r>) -> Result<Self, sqlx::error::BoxDynError> {
                let text = <&str as sqlx::Decode<sqlx::Postgres>>::decode(value)?;
                $crate::column::Parsed::parsed(Self::parse(text), stringify!($type))
            }
        }
        impl $(<$(const $parameter: usize),+>)? serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(self.as_str())
            }
        }
        impl<'de $(, $(const $parameter: usize),+)?> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str> as serde::Deserialize>::deserialize(from)?;
                Self::parse(&text).map_err(serde::de::Error::custom)
            }
        }
    };
}

pub(crate) use text_column;

#[cfg(test)]
mod tests {
    use crate::{Currency, Language, Text, TimeZone};

    fn json<T: serde::Serialize + serde::de::DeserializeOwned>(value: &T) -> (String, T) {
        let text = serde_json::to_string(value).unwrap();
        let read = serde_json::from_str(&text).unwrap();
        (text, read)
    }

    #[test]
    fn values_are_json_strings() {
        assert_eq!(json(&Currency::RUB), ("\"RUB\"".to_owned(), Currency::RUB));
        assert_eq!(json(&Language::Russian), ("\"ru\"".to_owned(), Language::Russian));
        let zone = TimeZone::parse("Europe/Moscow").unwrap();
        assert_eq!(json(&zone), ("\"Europe/Moscow\"".to_owned(), zone));
        let text = Text::<1, 9>::parse("a \"b\"").unwrap();
        assert_eq!(json(&text).1, text);
    }

    #[test]
    fn what_makes_no_sense_is_not_read() {
        assert!(serde_json::from_str::<Currency>("\"rub\"").is_err());
        assert!(serde_json::from_str::<Text<1, 3>>("\"long\"").is_err());
        assert!(serde_json::from_str::<TimeZone>("\"Moscow\"").is_err());
    }
}
