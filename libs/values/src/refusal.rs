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
//!         TooManySections: Conflict ("a draft has at most {max} sections", max = MAX_SECTIONS),
//!         // The code is the name in capitals, unless it is given. `{0}` is the first unnamed field, which is no parameter.
//!         KindChanged(Kind): Conflict "a lesson stays a {0}" as "LESSON_KIND_CHANGED",
//!         // `at` says which field of the request is wrong; the text is what is wrong with it.
//!         BadAnswer { index: usize, message: &'static str }: Invalid "{message}" as "INVALID" at "answers[{index}].text",
//!         // Or a function makes the list of fields out of the refusal's own.
//!         LessonLocked(Vec<Lock>): Conflict "the lesson is locked" at explain_locks,
//!         // When to ask again: seconds, a field of type `Duration`, or an expression in parentheses.
//!         ProviderUnavailable: Unavailable "the bank does not answer" after 5,
//!         TooManyCodes { retry_after: Duration }: TooMany "wait before asking for another code" after retry_after,
//!     }
//! }
//! ```
//!
//! The enum gets `kind()`, `code()` and `CODES`, `Display`, `Error`, `Debug`, `Clone`, `PartialEq`, `Eq`, and is a
//! [`Refusal`].

use std::{error::Error, fmt, time::Duration};

use time::{Date, OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{Id, Mistake, Params, Text, ViolationCode};

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
    /// The state of the world forbids it: the thing is not in the state that this needs, somebody else was first, or the
    /// same request is still running. Read again and decide again.
    Conflict,
    /// The etag that came with the request is not the present one: somebody changed the thing since it was read.
    Stale,
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
        Self::Stale,
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
            Self::Stale => "STALE",
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
            Self::Conflict => "This is not possible in the present state: read it again.",
            Self::Stale => "This was changed since you read it: read it again.",
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
    /// The path of the field in the proto's spelling, such as `lessons[2].title`; the gateway prints it in the JSON
    /// spelling.
    pub field: String,
    /// What would be right, for people.
    pub message: String,
    /// The same for machines.
    pub code: ViolationCode,
    /// The parameters of the code, such as `max`.
    pub params: Params,
}

impl Violation {
    /// A violation with a code.
    pub fn new(field: impl Into<String>, code: ViolationCode, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into(), code, params: Params::new() }
    }

    /// What an error of parsing says about a field.
    pub fn of(field: impl Into<String>, mistake: &(impl Mistake + ?Sized)) -> Self {
        Self { params: mistake.params(), ..Self::new(field, mistake.code(), mistake.to_string()) }
    }

    /// Adds a parameter.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl fmt::Display) -> Self {
        self.params.insert(name.to_owned(), value.to_string());
        self
    }
}

/// An error with a public face. Its `Display` is read by the customer, unless [`Kind::is_ours`]; its sources only by
/// the operator.
pub trait Refusal: Error {
    /// What sort of refusal it is.
    fn kind(&self) -> Kind;

    /// The public code, in SCREAMING_SNAKE: a promise to clients, never changed.
    fn reason(&self) -> &'static str;

    /// What a machine needs to know beside the reason to say it in its own words: attempts left, until when, which limit.
    /// The names are written as in JSON, such as `attemptsLeft`; `etag` is the present one.
    fn params(&self) -> Params {
        Params::new()
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

as_displayed!(bool u8 u16 u32 u64 usize i8 i16 i32 i64 str String crate::Currency crate::TimeZone);

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
    use crate::mistake::params;

    const MAX_SECTIONS: usize = 50;

    crate::refusals! {
        /// What a test refuses.
        pub enum Law {
            RunNotFound: NotFound "there is no such run",
            TooManySections: Conflict ("a draft has at most {max} sections", max = MAX_SECTIONS),
            TooManyLessons: Conflict ("a draft has at most {} lessons", 2 * MAX_SECTIONS),
            KindChanged(&'static str): Conflict "a lesson stays a {0}" as "LESSON_KIND_CHANGED",
            NoAttemptLeft { until: Date, left: u8 }: Conflict "no attempt is left until {until}",
            BadAnswer { index: usize, message: &'static str }: Invalid "{message}" as "INVALID" at "answers[{index}].text",
            BadDate { field: &'static str }: Invalid "expected a date" as "INVALID" at "{field}",
            LessonLocked(Vec<&'static str>): Conflict "the lesson is locked" at explained,
            ProviderUnavailable: Unavailable "the bank does not answer" after 5,
            TooManyCodes { retry_after: Duration }: TooMany "wait" after retry_after,
            Slow { seconds: u64 }: TooMany "wait" after (Duration::from_secs(seconds * 2)),
        }
    }

    fn explained(locks: &[&'static str]) -> Vec<Violation> {
        locks.iter().map(|lock| Violation::of("lesson_id", lock)).collect()
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
        assert_eq!(Law::TooManySections.params(), params([("max", &50)]));
        let until = time::macros::date!(2026 - 12 - 01);
        let told = Law::NoAttemptLeft { until, left: 2 }.params();
        assert_eq!(told, params([("until", &"2026-12-01"), ("left", &2)]));
        assert_eq!(Law::RunNotFound.params(), Params::new());
    }

    #[test]
    fn a_wrong_field_is_a_violation() {
        let wrong = Law::BadAnswer { index: 3, message: "is empty" };
        let told = Violation::new("answers[3].text", ViolationCode::InvalidValue, "is empty");
        assert_eq!((wrong.violations(), wrong.params()), (vec![told], Params::new()));
        assert_eq!(Law::BadDate { field: "ends_at" }.violations()[0].field, "ends_at");
        assert_eq!(Law::LessonLocked(vec!["paused", "ended"]).violations().len(), 2);
        assert_eq!(Law::RunNotFound.violations(), []);
    }

    #[test]
    fn a_wait_is_told() {
        let wait = Duration::from_millis(1_500);
        assert_eq!(Law::ProviderUnavailable.retry_after(), Some(Duration::from_secs(5)));
        assert_eq!(Law::TooManyCodes { retry_after: wait }.retry_after(), Some(wait));
        assert_eq!(Law::TooManyCodes { retry_after: wait }.params(), params([("retryAfter", &2)]));
        assert_eq!(Law::Slow { seconds: 4 }.retry_after(), Some(Duration::from_secs(8)));
        assert_eq!(Law::RunNotFound.retry_after(), None);
    }
}
