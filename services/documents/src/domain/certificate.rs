//! What a school says about somebody who finished a course, and whether it still holds.

use std::time::Duration;

use time::OffsetDateTime;
use values::{Language, Named, Record};

use super::{
    Refusal,
    id::{CertificateId, CourseId, EnrolmentId, RunId, UserId},
    number::{Number, Prefix},
};

/// How long a printer may keep a certificate before it is taken for dead.
pub const LEASE: Duration = Duration::from_secs(30);
/// How long storing or deleting a PDF may take; well under the lease, so that a slow printer cannot store after an
/// erasure has deleted.
pub const STORING: Duration = Duration::from_secs(15);

/// A certificate. What it says never changes; only its holder may be erased.
#[derive(Clone, Record)]
pub struct Certificate {
    #[record(name = "certificate_id")]
    pub id: CertificateId,
    /// Grows with each event about it.
    pub version: i64,
    pub number: String,
    #[record(name = "learner_id")]
    pub learner: UserId,
    /// Empty once the holder is erased.
    pub holder_name: String,
    #[record(name = "course_id")]
    pub course: CourseId,
    #[record(name = "run_id")]
    pub run: RunId,
    #[record(name = "enrolment_id")]
    pub enrolment: EnrolmentId,
    pub course_title: String,
    pub course_version: i32,
    pub language: Language,
    pub completed_at: OffsetDateTime,
    pub issued_at: OffsetDateTime,
    #[record(name = "predecessor_id")]
    pub predecessor: Option<CertificateId>,
    #[record(flatten)]
    pub state: State,
    /// When its holder was.
    pub erased_at: Option<OffsetDateTime>,
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

/// The name of a state, as tables and filters know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Named)]
pub enum StateName {
    Issued,
    Printed,
    Revoked,
    Replaced,
}

/// In which order certificates are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Named)]
pub enum OrderBy {
    #[default]
    IssuedAtDesc,
    IssuedAt,
}

/// Why a certificate became void.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Named)]
#[named(capitals)]
pub enum Reason {
    IssuedByMistake,
    Fraud,
    Other,
    /// It was issued anew.
    Reissued,
}

/// A reason that somebody may give; that of a re-issue is nobody's to give.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Named)]
#[named(capitals)]
pub enum Ground {
    IssuedByMistake,
    Fraud,
    Other,
}

impl From<Ground> for Reason {
    fn from(ground: Ground) -> Self {
        match ground {
            Ground::IssuedByMistake => Self::IssuedByMistake,
            Ground::Fraud => Self::Fraud,
            Ground::Other => Self::Other,
        }
    }
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

impl State {
    /// Its name.
    pub const fn name(self) -> StateName {
        match self {
            Self::Issued => StateName::Issued,
            Self::Printed => StateName::Printed,
            Self::Revoked { .. } => StateName::Revoked,
            Self::Replaced { .. } => StateName::Replaced,
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
            erased_at: None,
        };
        (certificate, number)
    }

    /// Declares it void; none where it is void already.
    pub fn revoked(&self, reason: Reason, now: OffsetDateTime) -> Option<Self> {
        let state = State::Revoked { at: now, reason };
        self.state.holds().then(|| Self { version: self.version + 1, state, ..self.clone() })
    }

    /// Issues it anew: the same completion in other words, under a number of its own. Gives what becomes of this one,
    /// too.
    ///
    /// One that was revoked may be issued anew: that is how a mistake of the school's own is undone. It stays void
    /// since then.
    pub fn reissued(
        &self,
        wording: Wording<'_>,
        id: CertificateId,
        now: OffsetDateTime,
    ) -> Result<(Self, Self, Number), Refusal> {
        if self.erased_at.is_some() {
            return Err(Refusal::CertificateErased);
        }
        let (at, reason) = match self.state {
            State::Replaced { .. } => return Err(Refusal::CertificateReplaced),
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
    pub fn readable(&self) -> Result<(), Refusal> {
        match self.state {
            State::Revoked { .. } => Err(Refusal::CertificateRevoked),
            State::Replaced { .. } => Err(Refusal::CertificateReplaced),
            State::Issued | State::Printed if self.erased_at.is_some() => Err(Refusal::CertificateErased),
            State::Issued => Err(Refusal::CertificateNotPrinted),
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
        assert_eq!(certificate.readable(), Err(Refusal::CertificateNotPrinted));
        let printed = Certificate { state: State::Printed, ..certificate };
        assert_eq!(printed.readable(), Ok(()));
        assert_eq!(Certificate { erased_at: Some(NOW), ..printed.clone() }.readable(), Err(Refusal::CertificateErased));
        assert_eq!(printed.revoked(Reason::Fraud, NOW).unwrap().readable(), Err(Refusal::CertificateRevoked));
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
        assert_eq!(old.reissued(wording(&prefix), Id::new(later), later).unwrap_err(), Refusal::CertificateReplaced);
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
        assert_eq!(Ground::parse("REISSUED"), None);
        assert_eq!(Ground::parse("FRAUD").map(Reason::from), Some(Reason::Fraud));
    }
}
