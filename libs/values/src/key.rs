//! The key by which a client marks a repetition.

use std::fmt;

/// What the client sent as `Idempotency-Key`: 8 to 128 visible ASCII characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IdempotencyKey(String);

/// A text that cannot be an idempotency key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected 8 to 128 visible ASCII characters")]
pub struct BadKey;

impl IdempotencyKey {
    /// Takes the header's text.
    pub fn parse(text: &str) -> Result<Self, BadKey> {
        let fits = (8..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
        if fits { Ok(Self(text.to_owned())) } else { Err(BadKey) }
    }

    /// The key as it was sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for IdempotencyKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_text_is_refused_or_stays_as_it_is(text in ".{0,140}|[!-~]{0,140}") {
            if let Ok(key) = IdempotencyKey::parse(&text) {
                prop_assert_eq!(key.as_str(), text.as_str());
                prop_assert!(text.len() <= 128 && text.is_ascii());
            }
        }
    }

    #[test]
    fn a_key_has_a_sane_length_and_visible_characters() {
        for good in ["12345678", &"k".repeat(128), "order:7/2026"] {
            assert_eq!(IdempotencyKey::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "1234567", &"k".repeat(129), "with space", "ключ-ключ", "line\nbreak"] {
            assert_eq!(IdempotencyKey::parse(bad), Err(BadKey), "{bad:?}");
        }
    }
}
