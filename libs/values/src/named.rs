//! Enums without data that have a text form: the same one in tables, events and JSON.

use std::fmt;

use serde::{Deserializer, de};
use sqlx::{Decode, Postgres, error::BoxDynError, postgres::PgValueRef};

/// An enum without data, each of whose variants has one text form.
///
/// Derive it: a variant's text is its name in snake case unless `#[named("other")]` says otherwise;
/// `#[named(capitals)]` above the enum makes it `SELF_PACED`.
///
/// ```ignore
/// #[derive(Debug, Clone, Copy, PartialEq, Eq, values::Named)]
/// pub enum Pacing { SelfPaced, #[named("fixed")] Scheduled }
///
/// assert_eq!(Pacing::SelfPaced.as_str(), "self_paced");
/// assert_eq!(Pacing::parse("fixed"), Some(Pacing::Scheduled));
/// ```
///
/// The derive gives the enum itself `ALL`, `as_str` (a `const fn`) and `parse`, and implements `Display`, `FromStr`,
/// serde's two traits and what sqlx needs to keep it in a `text` column or an array of such.
pub trait Named: Copy + 'static {
    /// The enum's own name, for messages to operators.
    const NAME: &'static str;
    /// The texts as people list them: `ru or en`.
    const EXPECTED: &'static str;
    /// All of them, in the order of their declaration.
    const ALL: &'static [Self];

    /// The text form.
    fn as_str(self) -> &'static str;

    /// Reads the text form.
    fn parse(text: &str) -> Option<Self>;
}

/// A text that names nothing of an enum. Its message lists what would.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected {0}")]
pub struct UnknownName(&'static str);

impl UnknownName {
    /// The texts that are known, as people list them.
    pub const fn expected(self) -> &'static str {
        self.0
    }

    /// The error of an enum where nothing was found.
    ///
    /// # Errors
    ///
    /// Nothing was found.
    pub fn or<T: Named>(found: Option<T>) -> Result<T, Self> {
        found.ok_or(Self(T::EXPECTED))
    }
}

/// Reads a text column; an unknown text is an error that names the enum and the text.
pub fn decode_name<T: Named>(value: PgValueRef<'_>) -> Result<T, BoxDynError> {
    let text = <&str as Decode<Postgres>>::decode(value)?;
    T::parse(text).ok_or_else(|| format!("{text:?} is no {}", T::NAME).into())
}

/// Reads a JSON string, and every other format's.
pub fn deserialize_name<'de, T: Named, D: Deserializer<'de>>(from: D) -> Result<T, D::Error> {
    struct Visitor<T>(std::marker::PhantomData<T>);

    impl<T: Named> de::Visitor<'_> for Visitor<T> {
        type Value = T;

        fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
            out.write_str(T::EXPECTED)
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
            T::parse(text).ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
        }
    }

    from.deserialize_str(Visitor(std::marker::PhantomData))
}

#[cfg(test)]
mod tests {
    use crate::Named;

    #[derive(Debug, Clone, Copy, PartialEq, Eq, Named)]
    enum Pacing {
        SelfPaced,
        #[named("fixed")]
        Scheduled,
    }

    #[test]
    fn a_variant_is_read_as_it_is_written() {
        const WRITTEN: &str = Pacing::SelfPaced.as_str();
        assert_eq!(WRITTEN, "self_paced");
        assert_eq!(Pacing::Scheduled.to_string(), "fixed");
        for pacing in Pacing::ALL {
            assert_eq!(Pacing::parse(pacing.as_str()), Some(*pacing));
            let json = serde_json::to_string(pacing).unwrap();
            assert_eq!(json, format!("{:?}", pacing.as_str()));
            assert_eq!(serde_json::from_str::<Pacing>(&json).unwrap(), *pacing);
        }
    }

    #[derive(Debug, Clone, Copy, PartialEq, Eq, Named)]
    #[named(capitals)]
    enum Cause {
        AccessEnded,
    }

    #[test]
    fn a_text_may_stand_in_capitals() {
        assert_eq!(Cause::AccessEnded.as_str(), "ACCESS_ENDED");
        assert_eq!(Cause::parse("ACCESS_ENDED"), Some(Cause::AccessEnded));
    }

    #[test]
    fn an_unknown_text_is_told_what_is_known() {
        assert_eq!("scheduled".parse::<Pacing>().unwrap_err().to_string(), "expected self_paced or fixed");
        let wrong = serde_json::from_str::<Pacing>("\"scheduled\"").unwrap_err().to_string();
        assert!(wrong.contains("\"scheduled\"") && wrong.contains("self_paced or fixed"), "{wrong}");
        assert!(serde_json::from_str::<Pacing>("1").is_err());
        assert_eq!(<Pacing as Named>::NAME, "Pacing");
    }
}
