//! What there is to tell, and by which way it may be told. How it is worded lives in `render`.

use std::fmt;

use time::OffsetDateTime;
use values::Money;

use crate::domain::{
    id::{OrderId, RunId},
    recipient::Person,
};

/// What a notice tells, without its facts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    ConfirmEmail,
    ResetPassword,
    OrderPaid,
    OrderRefunded,
    PaymentFailed,
    EnrolmentStarted,
    CourseCompleted,
    PasswordChanged,
    SessionsRevoked,
}

impl Kind {
    pub const ALL: [Self; 9] = [
        Self::ConfirmEmail,
        Self::ResetPassword,
        Self::OrderPaid,
        Self::OrderRefunded,
        Self::PaymentFailed,
        Self::EnrolmentStarted,
        Self::CourseCompleted,
        Self::PasswordChanged,
        Self::SessionsRevoked,
    ];

    /// As it is stored, counted and named among the templates.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ConfirmEmail => "confirm-email",
            Self::ResetPassword => "reset-password",
            Self::OrderPaid => "order-paid",
            Self::OrderRefunded => "order-refunded",
            Self::PaymentFailed => "payment-failed",
            Self::EnrolmentStarted => "enrolment-started",
            Self::CourseCompleted => "course-completed",
            Self::PasswordChanged => "password-changed",
            Self::SessionsRevoked => "sessions-revoked",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// Whether it is shown inside the school. Whoever could read a code there would not need it.
    pub const fn in_feed(self) -> bool {
        !matches!(self, Self::ConfirmEmail | Self::ResetPassword)
    }
}

/// A one-time code. It cannot be printed, so that it reaches no log.
#[derive(Clone, PartialEq, Eq)]
pub struct Code(String);

impl Code {
    pub fn new(code: String) -> Self {
        Self(code)
    }

    /// For the mail, and for nothing else.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Code(…)")
    }
}

/// Why a person's sessions ended early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndReason {
    SignedOut,
    TokenReused,
    PasswordChanged,
    Blocked,
}

/// Something to tell one person, with its facts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    ConfirmEmail { code: Code, expires_at: OffsetDateTime },
    ResetPassword { code: Code, expires_at: OffsetDateTime },
    OrderPaid { order: OrderId, number: String, total: Money },
    OrderRefunded { order: OrderId, number: String, amount: Money },
    PaymentFailed { order: OrderId, number: String, reason: String },
    EnrolmentStarted { run: RunId, title: String },
    CourseCompleted { run: RunId, title: String, completed_at: OffsetDateTime },
    PasswordChanged,
    SessionsRevoked { reason: EndReason },
}

/// By which ways a notice is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ways {
    pub mail: bool,
    pub feed: bool,
}

impl Ways {
    const NONE: Self = Self { mail: false, feed: false };
}

impl Notice {
    pub const fn kind(&self) -> Kind {
        match self {
            Self::ConfirmEmail { .. } => Kind::ConfirmEmail,
            Self::ResetPassword { .. } => Kind::ResetPassword,
            Self::OrderPaid { .. } => Kind::OrderPaid,
            Self::OrderRefunded { .. } => Kind::OrderRefunded,
            Self::PaymentFailed { .. } => Kind::PaymentFailed,
            Self::EnrolmentStarted { .. } => Kind::EnrolmentStarted,
            Self::CourseCompleted { .. } => Kind::CourseCompleted,
            Self::PasswordChanged => Kind::PasswordChanged,
            Self::SessionsRevoked { .. } => Kind::SessionsRevoked,
        }
    }

    /// After when nobody wants to hear it any more.
    pub const fn expires_at(&self) -> Option<OffsetDateTime> {
        match self {
            Self::ConfirmEmail { expires_at, .. } | Self::ResetPassword { expires_at, .. } => Some(*expires_at),
            _ => None,
        }
    }

    /// What it is about, as a resource name of the API; empty where there is nothing to open.
    pub fn resource(&self) -> String {
        match self {
            Self::OrderPaid { order, .. } | Self::OrderRefunded { order, .. } | Self::PaymentFailed { order, .. } => {
                format!("orders/{order}")
            }
            Self::EnrolmentStarted { run, .. } | Self::CourseCompleted { run, .. } => format!("runs/{run}"),
            _ => String::new(),
        }
    }

    /// By which ways a person is told.
    ///
    /// Codes go by mail only, also to an address that is not confirmed yet, because they confirm it; everything else goes to a
    /// confirmed address and into the feed. Sessions that end with a password are told by the notice about the password.
    pub fn ways(&self, person: &Person, now: OffsetDateTime) -> Ways {
        if let Some(expires_at) = self.expires_at() {
            return Ways { mail: now < expires_at, feed: false };
        }
        if matches!(self, Self::SessionsRevoked { reason: EndReason::PasswordChanged }) {
            return Ways::NONE;
        }
        Ways { mail: person.email_confirmed, feed: self.kind().in_feed() }
    }
}

#[cfg(test)]
mod tests {
    use time::{Duration, macros::datetime};
    use uuid::Uuid;
    use values::{Language, TimeZone};

    use super::*;
    use crate::domain::id::UserId;

    const NOW: OffsetDateTime = datetime!(2026-03-02 09:00 UTC);

    fn person(email_confirmed: bool) -> Person {
        Person {
            id: UserId::from_uuid(Uuid::nil()),
            name: "Anna".to_owned(),
            email: "anna@example.org".to_owned(),
            email_confirmed,
            language: Language::Russian,
            time_zone: TimeZone::parse("Europe/Moscow").unwrap(),
        }
    }

    fn code(expires_at: OffsetDateTime) -> Notice {
        Notice::ConfirmEmail { code: Code::new("123456".to_owned()), expires_at }
    }

    #[test]
    fn a_code_goes_by_mail_only_and_also_to_an_address_that_it_is_to_confirm() {
        let ways = code(NOW + Duration::MINUTE).ways(&person(false), NOW);
        assert_eq!(ways, Ways { mail: true, feed: false });
    }

    #[test]
    fn an_expired_code_goes_nowhere() {
        assert_eq!(code(NOW).ways(&person(true), NOW), Ways::NONE);
    }

    #[test]
    fn an_address_that_is_not_confirmed_gets_no_other_mail() {
        assert_eq!(Notice::PasswordChanged.ways(&person(false), NOW), Ways { mail: false, feed: true });
        assert_eq!(Notice::PasswordChanged.ways(&person(true), NOW), Ways { mail: true, feed: true });
    }

    #[test]
    fn a_new_password_is_told_once() {
        let ways = |reason| Notice::SessionsRevoked { reason }.ways(&person(true), NOW);
        assert_eq!(ways(EndReason::PasswordChanged), Ways::NONE);
        assert_eq!(ways(EndReason::TokenReused), Ways { mail: true, feed: true });
    }

    #[test]
    fn a_code_cannot_be_printed() {
        assert!(!format!("{:?}", code(NOW)).contains("123456"));
    }

    #[test]
    fn kinds_are_read_as_they_are_written() {
        for kind in Kind::ALL {
            assert_eq!(Kind::parse(kind.as_str()), Some(kind));
        }
        assert_eq!(Kind::parse("unheard-of"), None);
    }
}
