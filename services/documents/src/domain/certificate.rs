//! What a school says about somebody who finished a course, and whether it still holds.

use std::time::Duration;

use time::OffsetDateTime;
use values::Language;

use super::{
    id::{CertificateId, CourseId, EnrolmentId, RunId, UserId},
    number::{Number, Prefix},
};

/// How long a printer may keep a certificate before it is taken for dead.
pub const LEASE: Duration = Duration::from_secs(30);
/// How long storing or deleting a PDF may take; well under the lease, so that a slow printer cannot store after an erasure has deleted.
pub const STORING: Duration = Duration::from_secs(15);

/// A certificate. What it says never changes; only its holder may be erased.
#[derive(Clone)]
pub struct Certificate {
    pub id: CertificateId,
    /// Grows with each event about it.
    pub version: i64,
    pub number: String,
    pub learner: UserId,
    /// Empty once the holder is erased.
    pub holder_name: String,
    pub course: CourseId,
    pub run: RunId,
    pub enrolment: EnrolmentId,
    pub course_title: String,
    pub course_version: i32,
    pub language: Language,
    pub completed_at: OffsetDateTime,
    pub issued_at: OffsetDateTime,
    pub predecessor: Option<CertificateId>,
    pub state: State,
    pub erased: bool,
}

/// It carries a name, so it is not printed whole.
impl std::fmt::Debug for Certificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Certificate").field("id", &self.id).field("state", &self.state).finish_non_exhaustive()
    }
}

/// Whether it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Its PDF is being made.
    Issued,
    Printed,
    Revoked {
        at: OffsetDateTime,
        reason: Reason,
    },
    Replaced {
        at: OffsetDateTime,
        reason: Reason,
        by: CertificateId,
    },
}

/// Why a certificate became void.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    IssuedByMistake,
    Fraud,
    Other,
    /// It was issued anew.
    Reissued,
}

/// A text that is none of the reasons that somebody may give.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected ISSUED_BY_MISTAKE, FRAUD or OTHER")]
pub struct BadReason;

values::mistake!(BadReason => UnknownValue, allowed = "ISSUED_BY_MISTAKE, FRAUD, OTHER");

/// What a certificate refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("The PDF of this certificate is still being made.")]
    NotPrinted,
    #[error("This certificate was declared void.")]
    Revoked,
    #[error("This certificate was issued anew; its successor holds.")]
    Replaced,
    #[error("The holder of this certificate was erased.")]
    Erased,
}

/// A finished enrolment, as courses tells it.
#[derive(Debug, Clone, Copy)]
pub struct Completion {
    pub enrolment: EnrolmentId,
    pub learner: UserId,
    pub course: CourseId,
    pub run: RunId,
    pub course_version: i32,
    pub completed_at: OffsetDateTime,
}

/// What a certificate is issued with, besides the completion.
#[derive(Debug, Clone, Copy)]
pub struct Wording<'a> {
    pub prefix: &'a Prefix,
    pub holder_name: &'a str,
    pub course_title: &'a str,
    pub language: Language,
}

impl Reason {
    pub const ALL: [Self; 4] = [Self::IssuedByMistake, Self::Fraud, Self::Other, Self::Reissued];

    /// Takes a reason that somebody gives; that of a re-issue is nobody's to give.
    pub fn parse(text: &str) -> Result<Self, BadReason> {
        Self::stored(text).filter(|reason| *reason != Self::Reissued).ok_or(BadReason)
    }

    /// Reads a stored reason.
    pub fn stored(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == text)
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::IssuedByMistake => "ISSUED_BY_MISTAKE",
            Self::Fraud => "FRAUD",
            Self::Other => "OTHER",
            Self::Reissued => "REISSUED",
        }
    }
}

impl std::str::FromStr for Reason {
    type Err = BadReason;

    fn from_str(text: &str) -> Result<Self, BadReason> {
        Self::parse(text)
    }
}

impl State {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Issued => "issued",
            Self::Printed => "printed",
            Self::Revoked { .. } => "revoked",
            Self::Replaced { .. } => "replaced",
        }
    }

    /// Whether the school stands by it.
    pub fn holds(self) -> bool {
        matches!(self, Self::Issued | Self::Printed)
    }

    /// Since when and why it is void; none while it holds.
    pub fn voided(self) -> Option<(OffsetDateTime, Reason)> {
        match self {
            Self::Issued | Self::Printed => None,
            Self::Revoked { at, reason } | Self::Replaced { at, reason, .. } => Some((at, reason)),
        }
    }

    /// What replaces it.
    pub fn successor(self) -> Option<CertificateId> {
        match self {
            Self::Replaced { by, .. } => Some(by),
            Self::Issued | Self::Printed | Self::Revoked { .. } => None,
        }
    }
}

impl Certificate {
    /// Issues the certificate of a finished enrolment.
    pub fn issued(
        completion: &Completion,
        wording: Wording<'_>,
        id: CertificateId,
        now: OffsetDateTime,
    ) -> (Self, Number) {
        let number = Number::of(wording.prefix, now.year(), id.uuid());
        let certificate = Self {
            id,
            version: 1,
            number: number.as_str().to_owned(),
            learner: completion.learner,
            holder_name: wording.holder_name.to_owned(),
            course: completion.course,
            run: completion.run,
            enrolment: completion.enrolment,
            course_title: wording.course_title.to_owned(),
            course_version: completion.course_version,
            language: wording.language,
            completed_at: completion.completed_at,
            issued_at: now,
            predecessor: None,
            state: State::Issued,
            erased: false,
        };
        (certificate, number)
    }

    /// Declares it void; none where it is void already.
    pub fn revoked(&self, reason: Reason, now: OffsetDateTime) -> Option<Self> {
        let state = State::Revoked { at: now, reason };
        self.state.holds().then(|| Self { version: self.version + 1, state, ..self.clone() })
    }

    /// Issues it anew: the same completion in other words, under a number of its own. Gives what becomes of this one, too.
    ///
    /// One that was revoked may be issued anew: that is how a mistake of the school's own is undone. It stays void since then.
    pub fn reissued(
        &self,
        wording: Wording<'_>,
        id: CertificateId,
        now: OffsetDateTime,
    ) -> Result<(Self, Self, Number), Refused> {
        if self.erased {
            return Err(Refused::Erased);
        }
        let (at, reason) = match self.state {
            State::Replaced { .. } => return Err(Refused::Replaced),
            State::Issued | State::Printed => (now, Reason::Reissued),
            State::Revoked { at, reason } => (at, reason),
        };
        let completion = Completion {
            enrolment: self.enrolment,
            learner: self.learner,
            course: self.course,
            run: self.run,
            course_version: self.course_version,
            completed_at: self.completed_at,
        };
        let (new, number) = Self::issued(&completion, wording, id, now);
        let new = Self { predecessor: Some(self.id), ..new };
        let replaced = State::Replaced { at, reason, by: new.id };
        Ok((Self { version: self.version + 1, state: replaced, ..self.clone() }, new, number))
    }

    /// Whether its PDF may be read.
    pub fn readable(&self) -> Result<(), Refused> {
        match self.state {
            State::Revoked { .. } => Err(Refused::Revoked),
            State::Replaced { .. } => Err(Refused::Replaced),
            State::Issued | State::Printed if self.erased => Err(Refused::Erased),
            State::Issued => Err(Refused::NotPrinted),
            State::Printed => Ok(()),
        }
    }

    /// Where its PDF lies in the object store.
    pub fn object(id: CertificateId) -> String {
        format!("certificates/{id}.pdf")
    }
}

/// When the next try to print or to delete is due, after so many that failed.
pub fn next_try(attempts: u32, now: OffsetDateTime) -> OffsetDateTime {
    now + Duration::from_secs(1 << attempts.min(6))
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;
    use values::Id;

    const NOW: OffsetDateTime = datetime!(2026-11-26 09:00 UTC);

    fn wording(prefix: &Prefix) -> Wording<'_> {
        Wording { prefix, holder_name: "Anna Petrova", course_title: "Rust", language: Language::English }
    }

    fn issued() -> Certificate {
        let completion = Completion {
            enrolment: Id::new(NOW),
            learner: Id::new(NOW),
            course: Id::new(NOW),
            run: Id::new(NOW),
            course_version: 3,
            completed_at: NOW,
        };
        Certificate::issued(&completion, wording(&Prefix::parse("LYC").unwrap()), Id::new(NOW), NOW).0
    }

    #[test]
    fn a_pdf_is_read_while_the_certificate_holds() {
        let certificate = issued();
        assert_eq!(certificate.readable(), Err(Refused::NotPrinted));
        let printed = Certificate { state: State::Printed, ..certificate };
        assert_eq!(printed.readable(), Ok(()));
        assert_eq!(Certificate { erased: true, ..printed.clone() }.readable(), Err(Refused::Erased));
        assert_eq!(printed.revoked(Reason::Fraud, NOW).unwrap().readable(), Err(Refused::Revoked));
    }

    #[test]
    fn what_is_void_is_not_revoked_again() {
        let revoked = issued().revoked(Reason::Fraud, NOW).unwrap();
        assert_eq!((revoked.version, revoked.state), (2, State::Revoked { at: NOW, reason: Reason::Fraud }));
        assert!(revoked.revoked(Reason::Other, NOW).is_none());
    }

    #[test]
    fn a_reissue_links_both_and_says_the_same() {
        let (first, prefix) = (issued(), Prefix::parse("LYC").unwrap());
        let later = NOW + time::Duration::days(1);
        let (old, new, number) = first.reissued(wording(&prefix), Id::new(later), later).unwrap();
        assert_eq!(old.state, State::Replaced { at: later, reason: Reason::Reissued, by: new.id });
        assert_eq!((new.predecessor, new.completed_at, new.issued_at), (Some(old.id), NOW, later));
        assert_ne!(number.as_str(), old.number);
        assert_eq!(old.reissued(wording(&prefix), Id::new(later), later).unwrap_err(), Refused::Replaced);
    }

    #[test]
    fn one_that_was_revoked_by_mistake_is_issued_anew_and_stays_void_since() {
        let revoked = issued().revoked(Reason::Other, NOW).unwrap();
        let prefix = Prefix::parse("LYC").unwrap();
        let later = NOW + time::Duration::days(1);
        let (old, _, _) = revoked.reissued(wording(&prefix), Id::new(later), later).unwrap();
        assert_eq!(old.state.voided(), Some((NOW, Reason::Other)));
    }

    #[test]
    fn nobody_gives_the_reason_of_a_reissue() {
        assert_eq!(Reason::parse("REISSUED"), Err(BadReason));
        assert_eq!(Reason::parse("FRAUD"), Ok(Reason::Fraud));
    }
}
