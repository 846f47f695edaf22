//! One paper on its way to being believed: by the Document System, or by two people.
//!
//! A case only goes forward. Whatever comes late, twice or from somebody who may not finds a transition that refuses.

use time::{Date, OffsetDateTime};
use values::{Named, Record};

use super::{
    Refusal,
    id::{CaseId, FileId, UserId},
    paper::{PaperKind, Reason},
};

/// A paper of a tutor and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Record)]
pub struct Case {
    #[record(name = "case_id")]
    pub id: CaseId,
    #[record(name = "tutor_id")]
    pub tutor: UserId,
    pub kind: PaperKind,
    /// The files that show it; none after the tutor was erased.
    #[record(skip)]
    pub files: Vec<FileId>,
    /// The last day on which it is valid, as the tutor says.
    #[record(name = "claimed_until")]
    pub claimed: Option<Date>,
    #[record(flatten)]
    pub state: State,
    /// What a reviewer said about it.
    pub comment: String,
    /// Grows with every change; events carry it.
    pub version: i64,
    pub created_at: OffsetDateTime,
    pub updated_at: OffsetDateTime,
}

/// Where a case is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// The Document System is asked, until then.
    Checking {
        deadline: OffsetDateTime,
    },
    /// Waits for two people.
    InReview,
    /// Waits for one more.
    ApprovedOnce(Approval),
    /// The last day of a paper that runs out.
    Verified {
        until: Option<Date>,
    },
    Rejected(Reason),
    Withdrawn,
    /// Its last day was this one.
    Expired {
        until: Date,
    },
    Revoked(Reason),
}

/// The name of a state, by which reviewers choose cases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Named)]
pub enum StateName {
    Checking,
    InReview,
    ApprovedOnce,
    Verified,
    Rejected,
    Withdrawn,
    Expired,
    Revoked,
}

/// In which order cases are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Named)]
pub enum OrderBy {
    #[default]
    CreatedAt,
    CreatedAtDesc,
}

/// That somebody read a paper and believes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Approval {
    pub by: UserId,
    /// The last day of the paper, as the reviewer reads it.
    pub until: Option<Date>,
}

/// What the Document System found out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finding {
    /// Genuine; `None` where it says nothing about a last day.
    Verified(Option<Date>),
    Rejected(Reason),
    /// It could not find out.
    Failed,
}

/// What a finding did to a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AnswerOutcome {
    Changed(Case),
    /// People have it by now; they may want to know.
    Noted,
    /// It is decided; nobody needs the answer any more.
    Late,
}

impl State {
    /// Its name.
    pub const fn name(self) -> StateName {
        match self {
            Self::Checking { .. } => StateName::Checking,
            Self::InReview => StateName::InReview,
            Self::ApprovedOnce(_) => StateName::ApprovedOnce,
            Self::Verified { .. } => StateName::Verified,
            Self::Rejected(_) => StateName::Rejected,
            Self::Withdrawn => StateName::Withdrawn,
            Self::Expired { .. } => StateName::Expired,
            Self::Revoked(_) => StateName::Revoked,
        }
    }

    /// Whether somebody still has to decide.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Checking { .. } | Self::InReview | Self::ApprovedOnce(_))
    }

    /// Why it was rejected or revoked.
    pub const fn reason(self) -> Option<Reason> {
        match self {
            Self::Rejected(reason) | Self::Revoked(reason) => Some(reason),
            _ => None,
        }
    }

    /// Until when the Document System's answer is waited for.
    pub const fn deadline(self) -> Option<OffsetDateTime> {
        if let Self::Checking { deadline } = self { Some(deadline) } else { None }
    }

    /// The last day of a paper that was verified.
    pub const fn valid_until(self) -> Option<Date> {
        match self {
            Self::Verified { until } => until,
            Self::Expired { until } => Some(until),
            _ => None,
        }
    }
}

impl Case {
    /// Opens a case. Without a deadline for the Document System, people have it from the start.
    pub fn submit(
        id: CaseId,
        tutor: UserId,
        kind: PaperKind,
        files: Vec<FileId>,
        claimed: Option<Date>,
        deadline: Option<OffsetDateTime>,
        (today, now): (Date, OffsetDateTime),
    ) -> Result<Self, Refusal> {
        in_date(claimed, today)?;
        let state = deadline.map_or(State::InReview, |deadline| State::Checking { deadline });
        Ok(Self {
            id,
            tutor,
            kind,
            files,
            claimed,
            state,
            comment: String::new(),
            version: 1,
            created_at: now,
            updated_at: now,
        })
    }

    /// The last day on which the paper is valid, as far as anybody knows.
    pub fn until(&self) -> Option<Date> {
        match self.state {
            State::Verified { .. } | State::Expired { .. } => self.state.valid_until(),
            State::ApprovedOnce(first) => first.until,
            _ => self.claimed,
        }
    }

    fn becomes(self, state: State, now: OffsetDateTime) -> Self {
        Self { state, version: self.version + 1, updated_at: now, ..self }
    }

    /// Its owner takes it back. Twice is the same as once.
    pub fn withdraw(self, now: OffsetDateTime) -> Result<Self, Refusal> {
        match self.state {
            State::Withdrawn => Ok(self),
            state if state.is_open() => Ok(self.becomes(State::Withdrawn, now)),
            _ => Err(Refusal::CaseDecided),
        }
    }

    /// People take it over from the Document System. What they have already, they keep.
    pub fn escalate(self, now: OffsetDateTime) -> Result<Self, Refusal> {
        match self.state {
            State::Checking { .. } => Ok(self.becomes(State::InReview, now)),
            State::InReview | State::ApprovedOnce(_) => Ok(self),
            _ => Err(Refusal::CaseDecided),
        }
    }

    /// Somebody approves. The second one, who is somebody else and reads the same last day, verifies.
    ///
    /// Whoever gave the first approval may correct its day, or two people who disagree could only reject the paper.
    pub fn approve(self, approval: Approval, today: Date, now: OffsetDateTime) -> Result<Self, Refusal> {
        self.reviewed_by(approval.by)?;
        in_date(approval.until, today)?;
        match self.state {
            State::InReview => Ok(self.becomes(State::ApprovedOnce(approval), now)),
            State::ApprovedOnce(first) if first == approval => Err(Refusal::SameReviewer),
            State::ApprovedOnce(first) if first.by == approval.by => {
                Ok(self.becomes(State::ApprovedOnce(approval), now))
            }
            State::ApprovedOnce(first) if first.until != approval.until => Err(Refusal::DatesDiffer),
            State::ApprovedOnce(_) => Ok(self.becomes(State::Verified { until: approval.until }, now)),
            State::Checking { .. } => Err(Refusal::CaseNotInReview),
            _ => Err(Refusal::CaseDecided),
        }
    }

    /// Somebody rejects; one is enough.
    pub fn reject(self, by: UserId, reason: Reason, comment: String, now: OffsetDateTime) -> Result<Self, Refusal> {
        self.reviewed_by(by)?;
        match self.state {
            State::InReview | State::ApprovedOnce(_) => {
                Ok(Self { comment, ..self.becomes(State::Rejected(reason), now) })
            }
            State::Checking { .. } => Err(Refusal::CaseNotInReview),
            _ => Err(Refusal::CaseDecided),
        }
    }

    /// Somebody takes a verification back.
    pub fn revoke(self, by: UserId, reason: Reason, comment: String, now: OffsetDateTime) -> Result<Self, Refusal> {
        self.reviewed_by(by)?;
        match self.state {
            State::Verified { .. } => Ok(Self { comment, ..self.becomes(State::Revoked(reason), now) }),
            _ => Err(Refusal::CaseNotVerified),
        }
    }

    /// The paper ran out, if it did.
    pub fn expire(self, today: Date, now: OffsetDateTime) -> Option<Self> {
        match self.state {
            State::Verified { until: Some(until) } if until < today => {
                Some(self.becomes(State::Expired { until }, now))
            }
            _ => None,
        }
    }

    /// Takes the Document System's answer. It decides only what nobody else has taken over.
    pub fn apply(self, finding: Finding, today: Date, now: OffsetDateTime) -> AnswerOutcome {
        match self.state {
            State::Checking { .. } => {}
            State::InReview | State::ApprovedOnce(_) => return AnswerOutcome::Noted,
            _ => return AnswerOutcome::Late,
        }
        let state = match finding {
            Finding::Failed => State::InReview,
            Finding::Rejected(reason) => State::Rejected(reason),
            Finding::Verified(found) => match found.or(self.claimed) {
                Some(until) if until < today => State::Rejected(Reason::OutOfDate),
                until => State::Verified { until },
            },
        };
        AnswerOutcome::Changed(self.becomes(state, now))
    }

    fn reviewed_by(&self, reviewer: UserId) -> Result<(), Refusal> {
        if reviewer == self.tutor { Err(Refusal::OwnPaper) } else { Ok(()) }
    }
}

/// Days before the last one on which a tutor is reminded.
pub const REMINDERS: [i64; 3] = [30, 7, 1];

/// The reminder that is due: the nearest one that the last day has come within. Those that were slept through are not
/// made up for.
pub fn reminder(until: Date, today: Date) -> Option<i64> {
    let left = (until - today).whole_days();
    let due = REMINDERS.into_iter().filter(|days| left <= *days).min();
    due.filter(|_| left >= 0)
}

fn in_date(until: Option<Date>, today: Date) -> Result<(), Refusal> {
    if until.is_some_and(|until| until < today) { Err(Refusal::PaperOutOfDate) } else { Ok(()) }
}

#[cfg(test)]
#[path = "case_tests.rs"]
mod tests;
