//! Texts that people type.

use std::fmt;

/// A text of `MIN` to `MAX` characters (not bytes), without surrounding blanks and without control characters
/// other than line breaks and tabs.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Text<const MIN: usize, const MAX: usize>(String);

/// Why a text was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadText {
    /// Fewer characters than asked for.
    #[error("expected at least {0} characters")]
    TooShort(usize),
    /// More characters than allowed.
    #[error("expected at most {0} characters")]
    TooLong(usize),
    /// A character that people do not type, such as NUL (which PostgreSQL cannot keep either).
    #[error("expected no control characters")]
    Control,
}

impl<const MIN: usize, const MAX: usize> Text<MIN, MAX> {
    /// Trims and checks the text.
    pub fn parse(text: &str) -> Result<Self, BadText> {
        let text = text.trim();
        // Four bytes are the longest character; this refuses megabytes without counting them.
        if text.len() > MAX * 4 {
            return Err(BadText::TooLong(MAX));
        }
        let length = text.chars().count();
        if length < MIN {
            return Err(BadText::TooShort(MIN));
        }
        if length > MAX {
            return Err(BadText::TooLong(MAX));
        }
        if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
            return Err(BadText::Control);
        }
        Ok(Self(text.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text, given away.
    pub fn into_string(self) -> String {
        self.0
    }
}

crate::column::text_column!(Text<MIN, MAX>, const MIN, const MAX);

impl<const MIN: usize, const MAX: usize> fmt::Display for Text<MIN, MAX> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_are_counted_not_bytes() {
        assert_eq!(Text::<1, 4>::parse("  мода ").unwrap().as_str(), "мода");
        assert_eq!(Text::<1, 3>::parse("мода"), Err(BadText::TooLong(3)));
        assert_eq!(Text::<1, 3>::parse(&"x".repeat(1 << 20)), Err(BadText::TooLong(3)));
    }

    #[test]
    fn an_empty_text_and_control_characters_are_refused() {
        assert_eq!(Text::<1, 10>::parse(" \n "), Err(BadText::TooShort(1)));
        assert_eq!(Text::<1, 10>::parse("a\0b"), Err(BadText::Control));
        assert_eq!(Text::<0, 10>::parse("a\nb").unwrap().as_str(), "a\nb");
    }
}
