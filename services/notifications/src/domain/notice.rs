//! What there is to tell, and by which way it may be told. How it is worded lives in `render`.

use std::fmt;

use time::{Date, OffsetDateTime};
use values::Money;

use crate::domain::{
    id::{CaseId, CertificateId, OrderId, RunId},
    preference::{Channel, Preferences, Timing},
    recipient::Person,
};

/// What a notice tells, without its facts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, values::Named)]
pub enum Kind {
    #[named("confirm-email")]
    ConfirmEmail,
    #[named("reset-password")]
    ResetPassword,
    #[named("order-paid")]
    OrderPaid,
    #[named("order-refunded")]
    OrderRefunded,
    #[named("payment-failed")]
    PaymentFailed,
    #[named("enrolment-started")]
    EnrolmentStarted,
    #[named("course-completed")]
    CourseCompleted,
    #[named("password-changed")]
    PasswordChanged,
    #[named("sessions-revoked")]
    SessionsRevoked,
    #[named("certificate-issued")]
    CertificateIssued,
    #[named("certificate-revoked")]
    CertificateRevoked,
    #[named("document-verified")]
    DocumentVerified,
    #[named("document-rejected")]
    DocumentRejected,
    #[named("document-expiring")]
    DocumentExpiring,
    #[named("document-expired")]
    DocumentExpired,
    #[named("tutor-verified")]
    TutorVerified,
    #[named("tutor-verification-ended")]
    TutorVerificationEnded,
    Digest,
}

impl Kind {
    /// Whether it is shown inside the school. Whoever could read a code there would not need it.
    pub const fn in_feed(self) -> bool {
        !matches!(self, Self::ConfirmEmail | Self::ResetPassword | Self::Digest)
    }

    /// Whether a person may choose when to be told of it. Codes and warnings about the account are told at once.
    pub const fn can_be_chosen(self) -> bool {
        self.can_wait() && !matches!(self, Self::Digest)
    }

    /// Whether its mails wait for the end of quiet hours, and can be switched off.
    pub const fn can_wait(self) -> bool {
        !matches!(self, Self::ConfirmEmail | Self::ResetPassword | Self::PasswordChanged | Self::SessionsRevoked)
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

/// What a paper proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paper {
    Identity,
    Education,
    NoCriminalRecord,
    TaxStatus,
    /// One that this release has no word for.
    Other,
}

impl Paper {
    /// As events name it.
    pub fn of(kind: &str) -> Self {
        match kind {
            "PAPER_KIND_IDENTITY" => Self::Identity,
            "PAPER_KIND_EDUCATION" => Self::Education,
            "PAPER_KIND_NO_CRIMINAL_RECORD" => Self::NoCriminalRecord,
            "PAPER_KIND_TAX_STATUS" => Self::TaxStatus,
            _ => Self::Other,
        }
    }
}

/// What waited for a digest, in the words of the feed.
#[derive(Debug, Clone, PartialEq, Eq, values::Record)]
pub struct Item {
    pub title: String,
    pub text: String,
    /// As a resource name of the API; empty where there is nothing to open.
    pub resource: String,
}

/// Something to tell one person, with its facts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    ConfirmEmail {
        code: Code,
        expires_at: OffsetDateTime,
    },
    ResetPassword {
        code: Code,
        expires_at: OffsetDateTime,
    },
    OrderPaid {
        order: OrderId,
        number: String,
        total: Money,
    },
    OrderRefunded {
        order: OrderId,
        number: String,
        amount: Money,
    },
    PaymentFailed {
        order: OrderId,
        number: String,
        reason: String,
    },
    EnrolmentStarted {
        run: RunId,
        title: String,
    },
    CourseCompleted {
        run: RunId,
        title: String,
        completed_at: OffsetDateTime,
    },
    PasswordChanged,
    SessionsRevoked {
        reason: EndReason,
    },
    /// `again` if it replaces an earlier one.
    CertificateIssued {
        certificate: CertificateId,
        number: String,
        title: String,
        again: bool,
    },
    /// `replaced` if another one was issued in its place, which says so itself.
    CertificateRevoked {
        certificate: CertificateId,
        number: String,
        replaced: bool,
    },
    DocumentVerified {
        case: CaseId,
        paper: Paper,
        valid_until: Option<Date>,
    },
    DocumentRejected {
        case: CaseId,
        paper: Paper,
    },
    DocumentExpiring {
        case: CaseId,
        paper: Paper,
        valid_until: Date,
        days_left: i32,
    },
    DocumentExpired {
        case: CaseId,
        paper: Paper,
    },
    TutorVerified {
        valid_until: Option<Date>,
    },
    TutorVerificationEnded {
        expired: bool,
    },
    Digest {
        items: Vec<Item>,
    },
}

/// By which ways a notice is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ways {
    pub mail: Timing,
    pub feed: bool,
}

impl Ways {
    const NONE: Self = Self { mail: Timing::Never, feed: false };
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
            Self::CertificateIssued { .. } => Kind::CertificateIssued,
            Self::CertificateRevoked { .. } => Kind::CertificateRevoked,
            Self::DocumentVerified { .. } => Kind::DocumentVerified,
            Self::DocumentRejected { .. } => Kind::DocumentRejected,
            Self::DocumentExpiring { .. } => Kind::DocumentExpiring,
            Self::DocumentExpired { .. } => Kind::DocumentExpired,
            Self::TutorVerified { .. } => Kind::TutorVerified,
            Self::TutorVerificationEnded { .. } => Kind::TutorVerificationEnded,
            Self::Digest { .. } => Kind::Digest,
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
            Self::CertificateIssued { certificate, .. } | Self::CertificateRevoked { certificate, .. } => {
                format!("certificates/{certificate}")
            }
            Self::DocumentVerified { case, .. }
            | Self::DocumentRejected { case, .. }
            | Self::DocumentExpiring { case, .. }
            | Self::DocumentExpired { case, .. } => format!("verification-cases/{case}"),
            _ => String::new(),
        }
    }

    /// Where its mail leads, as a path of the school's site; what has none leads to the school.
    pub fn page(&self) -> Option<String> {
        match self {
            Self::CertificateIssued { number, .. } | Self::CertificateRevoked { number, .. } => {
                Some(format!("certificates/{number}"))
            }
            _ => None,
        }
    }

    /// By which ways a person is told.
    ///
    /// Codes go by mail only; everything else goes by mail and into the feed, as the person wants it. Sessions that end with a
    /// password are told by the notice about the password, and a certificate that was replaced by the one about its successor.
    pub fn ways(&self, preferences: &Preferences, now: OffsetDateTime) -> Ways {
        if let Some(expires_at) = self.expires_at() {
            let mail = if now < expires_at { Timing::AtOnce } else { Timing::Never };
            return Ways { mail, feed: false };
        }
        let told_by_another = matches!(
            self,
            Self::SessionsRevoked { reason: EndReason::PasswordChanged }
                | Self::CertificateRevoked { replaced: true, .. }
        );
        if told_by_another {
            return Ways::NONE;
        }
        let kind = self.kind();
        let mail = preferences.timing(kind, Channel::Email);
        Ways { mail, feed: kind.in_feed() && preferences.timing(kind, Channel::Feed) != Timing::Never }
    }

    /// Whether its mail waits until the person confirms the address. Codes do not, because they confirm it.
    pub fn waits_for_address(&self, person: &Person) -> bool {
        !person.email_confirmed && self.expires_at().is_none()
    }
}

#[cfg(test)]
mod tests {
    use time::{Duration, macros::datetime};
    use uuid::Uuid;
    use values::{Language, TimeZone};

    use super::*;
    use crate::domain::{id::UserId, preference::Rule};

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
        let code = code(NOW + Duration::MINUTE);
        assert_eq!(code.ways(&Preferences::default(), NOW), Ways { mail: Timing::AtOnce, feed: false });
        assert!(!code.waits_for_address(&person(false)));
    }

    #[test]
    fn an_expired_code_goes_nowhere() {
        assert_eq!(code(NOW).ways(&Preferences::default(), NOW), Ways::NONE);
    }

    #[test]
    fn every_other_mail_waits_until_the_address_is_confirmed() {
        let notice = Notice::PasswordChanged;
        assert_eq!(notice.ways(&Preferences::default(), NOW), Ways { mail: Timing::AtOnce, feed: true });
        assert!(notice.waits_for_address(&person(false)));
        assert!(!notice.waits_for_address(&person(true)));
    }

    #[test]
    fn a_new_password_is_told_once() {
        let ways = |reason| Notice::SessionsRevoked { reason }.ways(&Preferences::default(), NOW);
        assert_eq!(ways(EndReason::PasswordChanged), Ways::NONE);
        assert_eq!(ways(EndReason::TokenReused), Ways { mail: Timing::AtOnce, feed: true });
    }

    #[test]
    fn it_is_told_as_the_person_wants_it() {
        let rule = |channel, timing| Rule { kind: Kind::TutorVerified, channel, timing };
        let chosen = vec![rule(Channel::Email, Timing::Digest), rule(Channel::Feed, Timing::Never)];
        let preferences = Preferences { chosen, ..Preferences::default() };
        let notice = Notice::TutorVerified { valid_until: None };
        assert_eq!(notice.ways(&preferences, NOW), Ways { mail: Timing::Digest, feed: false });
    }

    #[test]
    fn a_certificate_that_was_replaced_is_told_by_its_successor() {
        let certificate = CertificateId::from_uuid(Uuid::nil());
        let revoked = |replaced| Notice::CertificateRevoked { certificate, number: "LY-1".to_owned(), replaced };
        let ways = |replaced| revoked(replaced).ways(&Preferences::default(), NOW);
        assert_eq!(ways(true), Ways::NONE);
        assert_eq!(ways(false), Ways { mail: Timing::AtOnce, feed: true });
    }

    #[test]
    fn a_code_cannot_be_printed() {
        assert!(!format!("{:?}", code(NOW)).contains("123456"));
    }

    #[test]
    fn kinds_are_read_as_they_are_written() {
        for kind in Kind::ALL {
            assert_eq!(Kind::parse(kind.as_str()), Some(*kind));
        }
        assert_eq!(Kind::parse("unheard-of"), None);
    }
}
