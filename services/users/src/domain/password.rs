//! What may be a password. How passwords are hashed is in `hasher`.

use std::{collections::HashSet, fmt, sync::LazyLock};

use secrecy::{ExposeSecret, SecretString};
use values::{Mistake, Params, ViolationCode, mistake::params};

use super::email::EmailAddress;

/// A password that somebody chose; cannot be printed.
#[derive(Clone)]
pub struct NewPassword(SecretString);

/// Why a password was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadPassword {
    /// Under ten characters.
    #[error("expected at least 10 characters")]
    TooShort,
    /// Over 128 characters.
    #[error("expected at most 128 characters")]
    TooLong,
    /// One that everybody tries first.
    #[error("this is one of the most common passwords; choose another")]
    Common,
    /// The address is what an attacker knows already.
    #[error("a password must not contain the e-mail address")]
    ContainsEmail,
}

impl Mistake for BadPassword {
    fn code(&self) -> ViolationCode {
        match self {
            Self::TooShort => ViolationCode::TooShort,
            Self::TooLong => ViolationCode::TooLong,
            Self::Common | Self::ContainsEmail => ViolationCode::InvalidValue,
        }
    }

    fn params(&self) -> Params {
        match self {
            Self::TooShort => params([("min", &10)]),
            Self::TooLong => params([("max", &128)]),
            Self::Common => params([("rule", &"COMMON")]),
            Self::ContainsEmail => params([("rule", &"CONTAINS_EMAIL")]),
        }
    }
}

/// A password that is to be checked; cannot be printed. Only absurd ones are refused: nobody can have one of that length.
#[derive(Clone)]
pub struct TypedPassword(SecretString);

impl TypedPassword {
    /// Takes what was typed, which is neither trimmed nor changed.
    pub fn parse(text: &str) -> Result<Self, BadPassword> {
        if text.len() > 1_024 { Err(BadPassword::TooLong) } else { Ok(Self(text.into())) }
    }
}

impl From<TypedPassword> for SecretString {
    fn from(typed: TypedPassword) -> Self {
        typed.0
    }
}

impl fmt::Debug for TypedPassword {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("TypedPassword")
    }
}

/// In lower case, one a line. Only those of ten characters and more: shorter ones are refused for their length.
static COMMON: LazyLock<HashSet<&'static str>> =
    LazyLock::new(|| include_str!("common_passwords.txt").lines().collect());

impl NewPassword {
    /// Checks what was typed, which is neither trimmed nor changed.
    pub fn parse(text: &str) -> Result<Self, BadPassword> {
        // Four bytes are the longest character; this refuses megabytes without counting them.
        let length = if text.len() > 128 * 4 { usize::MAX } else { text.chars().count() };
        if length < 10 {
            return Err(BadPassword::TooShort);
        }
        if length > 128 {
            return Err(BadPassword::TooLong);
        }
        let lower = text.to_lowercase();
        let mut characters = lower.chars();
        let first = characters.next();
        if COMMON.contains(lower.as_str()) || characters.all(|c| Some(c) == first) {
            return Err(BadPassword::Common);
        }
        Ok(Self(text.into()))
    }

    /// Refuses a password that gives the account's address away again.
    pub fn not_containing(self, email: &EmailAddress) -> Result<Self, BadPassword> {
        if self.0.expose_secret().to_lowercase().contains(&email.key()) {
            return Err(BadPassword::ContainsEmail);
        }
        Ok(self)
    }

    /// For the hasher.
    pub fn secret(&self) -> &SecretString {
        &self.0
    }
}

impl fmt::Debug for NewPassword {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("NewPassword")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_is_counted_in_characters() {
        assert_eq!(NewPassword::parse("девять123").err(), Some(BadPassword::TooShort));
        assert!(NewPassword::parse("десять1234").is_ok());
        assert!(NewPassword::parse(&"ab".repeat(64)).is_ok());
        assert_eq!(NewPassword::parse(&"ab".repeat(65)).err(), Some(BadPassword::TooLong));
        assert_eq!(NewPassword::parse(&"a".repeat(1 << 20)).err(), Some(BadPassword::TooLong));
    }

    #[test]
    fn the_most_common_ones_are_refused_in_any_case() {
        for common in ["1234567890", "Password123", "qwertyUIOP", "йцукенгшщз", "aaaaaaaaaaaa"] {
            assert_eq!(NewPassword::parse(common).err(), Some(BadPassword::Common), "{common}");
        }
    }

    #[test]
    fn the_list_holds_only_what_the_length_lets_through() {
        for common in COMMON.iter() {
            assert!(common.chars().count() >= 10, "{common} is refused for its length already");
            assert_eq!(common.to_lowercase(), **common);
        }
    }

    #[test]
    fn a_password_with_the_address_in_it_is_refused() {
        let email = EmailAddress::parse("Anna@example.com").unwrap();
        let refused = NewPassword::parse("xx-anna@EXAMPLE.com").unwrap().not_containing(&email);
        assert_eq!(refused.err(), Some(BadPassword::ContainsEmail));
        assert!(NewPassword::parse("a longer secret").unwrap().not_containing(&email).is_ok());
    }

    #[test]
    fn a_password_cannot_be_printed() {
        assert!(!format!("{:?}", NewPassword::parse("a longer secret").unwrap()).contains("secret"));
    }
}
