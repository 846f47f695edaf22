//! Refusals: what sort each is, what it says about itself, and the table that a service writes them in.
//!
//! How they travel does not live here: that is `rpc`.
//!
//! ```ignore
//! values::refusals! {
//!     /// Everything that the law refuses.
//!     pub enum Refusal {
//!         RunNotFound: NotFound "there is no such run",
//!         // A named argument is a parameter too: clients can translate the text.
//!         TooManySections: Precondition ("a draft has at most {max} sections", max = MAX_SECTIONS),
//!         // The code is the name in capitals, unless it is given. `{0}` is the first unnamed field, which is no parameter.
//!         KindChanged(Kind): Precondition "a lesson stays a {0}" as "LESSON_KIND_CHANGED",
//!         // `at` says which field of the request is wrong; the text is what is wrong with it.
//!         BadAnswer { index: usize, message: &'static str }: Invalid "{message}" as "INVALID" at "answers[{index}].text",
//!         // Or a function makes the list of fields out of the refusal's own.
//!         LessonLocked(Vec<Lock>): Precondition "the lesson is locked" at explain_locks,
//!         // When to ask again: seconds, a field of type `Duration`, or an expression in parentheses.
//!         ProviderUnavailable: Unavailable "the bank does not answer" after 5,
//!         TooManyCodes { retry_after: Duration }: TooMany "wait before asking for another code" after retry_after,
//!     }
//! }
//! ```
//!
//! The enum gets `kind()`, `code()` and `CODES`, `Display`, `Error`, `Debug`, `Clone`, `PartialEq`, `Eq`, and is a [`Refusal`].

use std::{error::Error, time::Duration};

use time::{Date, OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{Id, Text};

/// What sort of refusal it is: all that a machine needs to know to react.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The request itself is wrong, whatever the state of the world: correct it before sending it again.
    Invalid,
    /// Nobody, or nobody we can believe, is asking: sign in and ask again.
    Unauthenticated,
    /// The caller is known and may not do this.
    Forbidden,
    /// There is no such thing, or none that the caller may know of.
    NotFound,
    /// Somebody or something else was first: read again and decide again.
    Conflict,
    /// The thing is not in the state that this needs.
    Precondition,
    /// The caller has used up a limit: slow down.
    TooMany,
    /// We cannot answer at the moment: try again later.
    Unavailable,
    /// We made a mistake.
    Internal,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 9] = [
        Self::Invalid,
        Self::Unauthenticated,
        Self::Forbidden,
        Self::NotFound,
        Self::Conflict,
        Self::Precondition,
        Self::TooMany,
        Self::Unavailable,
        Self::Internal,
    ];

    /// The code of a refusal that names none.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Invalid => "INVALID",
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::Forbidden => "FORBIDDEN",
            Self::NotFound => "NOT_FOUND",
            Self::Conflict => "CONFLICT",
            Self::Precondition => "PRECONDITION_FAILED",
            Self::TooMany => "TOO_MANY",
            Self::Unavailable => "UNAVAILABLE",
            Self::Internal => "INTERNAL",
        }
    }

    /// What the customer reads where the refusal's own text must not leave, or there is none.
    pub const fn message(self) -> &'static str {
        match self {
            Self::Invalid => "The request is not valid.",
            Self::Unauthenticated => "Sign in to do this.",
            Self::Forbidden => "You may not do this.",
            Self::NotFound => "There is nothing here.",
            Self::Conflict => "This conflicts with another change: read it again.",
            Self::Precondition => "This is not possible in the present state.",
            Self::TooMany => "Too many requests: slow down.",
            Self::Unavailable => "This is not available at the moment: try again shortly.",
            Self::Internal => "Something went wrong on our side.",
        }
    }

    /// Whether the refusal's text is for the operator's log only.
    pub const fn is_ours(self) -> bool {
        matches!(self, Self::Unavailable | Self::Internal)
    }
}

/// What is wrong with one field of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The path of the field in the proto's spelling, such as `lessons[2].title`; the gateway prints it in the JSON spelling.
    pub field: String,
    /// What would be right, for people.
    pub message: String,
}

/// An error with a public face. Its `Display` is read by the customer, unless [`Kind::is_ours`]; its sources only by the operator.
pub trait Refusal: Error {
    /// What sort of refusal it is.
    fn kind(&self) -> Kind;

    /// The public code, in SCREAMING_SNAKE: a promise to clients, never changed.
    fn reason(&self) -> &'static str;

    /// The values in its text, by name, so that a client can say it in another language: which limit, until when, how many are left.
    fn params(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    /// Which fields are wrong.
    fn violations(&self) -> Vec<Violation> {
        Vec::new()
    }

    /// How long to wait before it makes sense to ask again.
    fn retry_after(&self) -> Option<Duration> {
        None
    }
}

/// Refusals whose public codes can be listed.
pub trait Codes {
    /// Every code once, with its kind.
    const CODES: &'static [(&'static str, Kind)];
}

/// A value that a refusal tells about, written for machines.
pub trait Param {
    /// The text of the value.
    fn param(&self) -> String;
}

macro_rules! as_displayed {
    ($($type:ty)*) => {
        $(
            impl Param for $type {
                fn param(&self) -> String {
                    self.to_string()
                }
            }
        )*
    };
}

as_displayed!(bool u8 u16 u32 u64 usize i8 i16 i32 i64 str String crate::Currency crate::Language crate::TimeZone);

impl<T: Param + ?Sized> Param for &T {
    fn param(&self) -> String {
        T::param(self)
    }
}

/// Absent is an empty text.
impl<T: Param> Param for Option<T> {
    fn param(&self) -> String {
        self.as_ref().map(T::param).unwrap_or_default()
    }
}

impl<K> Param for Id<K> {
    fn param(&self) -> String {
        self.to_string()
    }
}

impl<const MIN: usize, const MAX: usize> Param for Text<MIN, MAX> {
    fn param(&self) -> String {
        self.as_str().to_owned()
    }
}

/// Whole seconds, rounded up: a wait must not end too early.
impl Param for Duration {
    fn param(&self) -> String {
        (self.as_secs() + u64::from(self.subsec_nanos() > 0)).to_string()
    }
}

/// Whole seconds, rounded up.
impl Param for time::Duration {
    fn param(&self) -> String {
        (self.whole_seconds() + i64::from(self.subsec_nanoseconds() > 0)).to_string()
    }
}

/// As in JSON: RFC 3339.
impl Param for OffsetDateTime {
    fn param(&self) -> String {
        self.format(&Rfc3339).unwrap_or_default()
    }
}

/// As in JSON: `2026-12-01`.
impl Param for Date {
    fn param(&self) -> String {
        format!("{:04}-{:02}-{:02}", self.year(), u8::from(self.month()), self.day())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX_SECTIONS: usize = 50;

    crate::refusals! {
        /// What a test refuses.
        pub enum Law {
            RunNotFound: NotFound "there is no such run",
            TooManySections: Precondition ("a draft has at most {max} sections", max = MAX_SECTIONS),
            TooManyLessons: Precondition ("a draft has at most {} lessons", 2 * MAX_SECTIONS),
            KindChanged(&'static str): Precondition "a lesson stays a {0}" as "LESSON_KIND_CHANGED",
            NoAttemptLeft { until: Date, left: u8 }: Precondition "no attempt is left until {until}",
            BadAnswer { index: usize, message: &'static str }: Invalid "{message}" as "INVALID" at "answers[{index}].text",
            BadDate { field: &'static str }: Invalid "expected a date" as "INVALID" at "{field}",
            LessonLocked(Vec<&'static str>): Precondition "the lesson is locked" at explained,
            ProviderUnavailable: Unavailable "the bank does not answer" after 5,
            TooManyCodes { retry_after: Duration }: TooMany "wait" after retry_after,
            Slow { seconds: u64 }: TooMany "wait" after (Duration::from_secs(seconds * 2)),
        }
    }

    fn explained(locks: &[&'static str]) -> Vec<Violation> {
        locks.iter().map(|lock| Violation { field: "lesson_id".to_owned(), message: (*lock).to_owned() }).collect()
    }

    #[test]
    fn a_line_of_the_table_is_a_refusal() {
        assert_eq!(Law::RunNotFound.to_string(), "there is no such run");
        assert_eq!((Law::RunNotFound.kind(), Law::RunNotFound.code()), (Kind::NotFound, "RUN_NOT_FOUND"));
        assert_eq!(Law::KindChanged("quiz").to_string(), "a lesson stays a quiz");
        assert_eq!(Law::KindChanged("quiz").code(), "LESSON_KIND_CHANGED");
        assert_eq!(Law::TooManyLessons.to_string(), "a draft has at most 100 lessons");
        assert_eq!(Law::CODES.len(), 10, "a code that stands for two refusals is listed once");
        assert!(Law::CODES.contains(&("INVALID", Kind::Invalid)));
    }

    #[test]
    fn what_the_text_tells_is_told_to_machines_too() {
        assert_eq!(Law::TooManySections.to_string(), "a draft has at most 50 sections");
        assert_eq!(Law::TooManySections.params(), [("max", "50".to_owned())]);
        let until = time::macros::date!(2026 - 12 - 01);
        let params = Law::NoAttemptLeft { until, left: 2 }.params();
        assert_eq!(params, [("until", "2026-12-01".to_owned()), ("left", "2".to_owned())]);
        assert_eq!(Law::RunNotFound.params(), []);
    }

    #[test]
    fn a_wrong_field_is_a_violation() {
        let wrong = Law::BadAnswer { index: 3, message: "is empty" };
        let told = Violation { field: "answers[3].text".to_owned(), message: "is empty".to_owned() };
        assert_eq!((wrong.violations(), wrong.params()), (vec![told], vec![]));
        assert_eq!(Law::BadDate { field: "ends_at" }.violations()[0].field, "ends_at");
        assert_eq!(Law::LessonLocked(vec!["paused", "ended"]).violations().len(), 2);
        assert_eq!(Law::RunNotFound.violations(), []);
    }

    #[test]
    fn a_wait_is_told() {
        let wait = Duration::from_millis(1_500);
        assert_eq!(Law::ProviderUnavailable.retry_after(), Some(Duration::from_secs(5)));
        assert_eq!(Law::TooManyCodes { retry_after: wait }.retry_after(), Some(wait));
        assert_eq!(Law::TooManyCodes { retry_after: wait }.params(), [("retry_after", "2".to_owned())]);
        assert_eq!(Law::Slow { seconds: 4 }.retry_after(), Some(Duration::from_secs(8)));
        assert_eq!(Law::RunNotFound.retry_after(), None);
    }
}
