//! One-time codes: six digits, a quarter of an hour, five tries, one at a time for each purpose.

use std::fmt;

use time::{Duration, OffsetDateTime};
use values::{Named, Record};

/// What a code is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Named)]
pub enum Purpose {
    ConfirmEmail,
    ResetPassword,
}

/// How long a code works.
pub const LIFETIME: Duration = Duration::minutes(15);
/// How often a code may be tried; the last wrong try kills it.
pub const TRIES: i32 = 5;

/// Six digits.
#[derive(Clone, PartialEq, Eq)]
pub struct Code(String);

/// A text that cannot be a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected the six digits of the code")]
pub struct BadCode;

values::mistake!(BadCode => Malformed);

impl Code {
    /// How many codes there are.
    pub const COUNT: u32 = 1_000_000;

    /// The code with this number; only its last six digits count.
    pub fn numbered(number: u32) -> Self {
        Self(format!("{:06}", number % Self::COUNT))
    }

    /// Takes what was typed; blanks around and inside are forgiven, because mails show codes in groups.
    pub fn parse(text: &str) -> Result<Self, BadCode> {
        if text.len() > 64 {
            return Err(BadCode);
        }
        let digits: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        if digits.len() == 6 && digits.bytes().all(|b| b.is_ascii_digit()) { Ok(Self(digits)) } else { Err(BadCode) }
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Code")
    }
}

/// A code that was sent, as we remember it: not the code itself, only a keyed fingerprint.
#[derive(Debug, Clone, PartialEq, Eq, Record)]
pub struct IssuedCode {
    pub fingerprint: Vec<u8>,
    pub expires_at: OffsetDateTime,
    pub tries: i32,
    pub used_at: Option<OffsetDateTime>,
}

/// What becomes of a code that somebody typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is right, and used now.
    Right(IssuedCode),
    /// It was right before, and has not expired since.
    RightBefore,
    /// It is wrong; the try counts.
    Wrong(IssuedCode),
    /// Expired, used or tried too often: nothing is right any more, and nothing counts.
    Dead,
}

impl IssuedCode {
    /// A new code.
    pub fn issue(fingerprint: Vec<u8>, now: OffsetDateTime) -> Self {
        Self { fingerprint, expires_at: now + LIFETIME, tries: 0, used_at: None }
    }

    /// Judges a try. Whether the fingerprints are `same` was compared in constant time by the caller.
    pub fn tried(self, same: bool, now: OffsetDateTime) -> Verdict {
        if now >= self.expires_at {
            return Verdict::Dead;
        }
        match (self.used_at, same) {
            (Some(_), true) => Verdict::RightBefore,
            (Some(_), false) => Verdict::Dead,
            (None, _) if self.tries >= TRIES => Verdict::Dead,
            (None, true) => Verdict::Right(Self { used_at: Some(now), ..self }),
            (None, false) => Verdict::Wrong(Self { tries: self.tries + 1, ..self }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    const NOW: OffsetDateTime = datetime!(2026-11-01 12:00 UTC);

    fn issued() -> IssuedCode {
        IssuedCode::issue(vec![1, 2, 3], NOW)
    }

    #[test]
    fn a_code_has_six_digits() {
        assert_eq!(Code::numbered(7).as_str(), "000007");
        assert_eq!(Code::parse(" 123 456 ").unwrap().as_str(), "123456");
        for bad in ["", "12345", "1234567", "12345a", "１２３４５６"] {
            assert_eq!(Code::parse(bad), Err(BadCode), "{bad}");
        }
    }

    #[test]
    fn a_right_code_works_once_and_may_be_repeated() {
        let Verdict::Right(used) = issued().tried(true, NOW) else { panic!("a right code was refused") };
        assert_eq!(used.clone().tried(true, NOW), Verdict::RightBefore);
        assert_eq!(used.clone().tried(false, NOW), Verdict::Dead);
        assert_eq!(used.tried(true, NOW + LIFETIME), Verdict::Dead);
    }

    #[test]
    fn the_sixth_try_is_refused_even_if_it_is_right() {
        let mut code = issued();
        for _ in 0..TRIES {
            let Verdict::Wrong(next) = code.tried(false, NOW) else { panic!("a try was not counted") };
            code = next;
        }
        assert_eq!(code.tried(true, NOW), Verdict::Dead);
    }

    #[test]
    fn a_code_expires() {
        let last = NOW + LIFETIME - Duration::microseconds(1);
        assert!(matches!(issued().tried(true, last), Verdict::Right(_)));
        assert_eq!(issued().tried(true, NOW + LIFETIME), Verdict::Dead);
    }
}
