//! What can go wrong, and what it means on the wire. The texts of refusals stand with the law that refuses.

use std::time::Duration;

use rpc::{Kind, Violation};

use crate::domain::{Refusal, access::Lock};

/// Why a flow did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error(transparent)]
    Key(#[from] pg::idempotency::Error),
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
    #[error("the documents service is not available")]
    DocumentsUnavailable(#[source] tonic::Status),
    #[error(transparent)]
    Internal(#[from] anyhow::Error),
}

pub type Result<T, E = Error> = std::result::Result<T, E>;

impl rpc::Refusal for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::Refused(refusal) => kind(refusal),
            Self::Key(pg::idempotency::Error::Running | pg::idempotency::Error::Reused) => Kind::Conflict,
            Self::Key(pg::idempotency::Error::Sql(error)) | Self::Database(error) => {
                if pg::is_unavailable(error) {
                    Kind::Unavailable
                } else {
                    Kind::Internal
                }
            }
            Self::DocumentsUnavailable(_) => Kind::Unavailable,
            Self::Internal(_) => Kind::Internal,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Refused(refusal) => reason(refusal),
            Self::Key(pg::idempotency::Error::Running) => "IDEMPOTENCY_KEY_IN_USE",
            Self::Key(pg::idempotency::Error::Reused) => "IDEMPOTENCY_KEY_REUSED",
            Self::Key(pg::idempotency::Error::Sql(_))
            | Self::Database(_)
            | Self::DocumentsUnavailable(_)
            | Self::Internal(_) => {
                if self.kind() == Kind::Unavailable {
                    "UNAVAILABLE"
                } else {
                    "INTERNAL"
                }
            }
        }
    }

    fn violations(&self) -> Vec<Violation> {
        let violation = |field: String, message: String| vec![Violation::of(field, &message)];
        match self {
            Self::Refused(Refusal::BadAnswer { index, field, message }) => {
                violation(format!("answers[{index}].{field}"), (*message).to_owned())
            }
            Self::Refused(refusal @ (Refusal::BadDate { field, .. } | Refusal::BadHeartbeat { field, .. })) => {
                violation((*field).to_owned(), refusal.to_string())
            }
            Self::Refused(Refusal::LessonLocked(locks)) => {
                locks.iter().flat_map(|lock| violation("lesson_id".to_owned(), explain(lock))).collect()
            }
            _ => Vec::new(),
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        let soon = matches!(self, Self::Key(pg::idempotency::Error::Running)) || self.kind() == Kind::Unavailable;
        soon.then_some(Duration::from_secs(1))
    }
}

impl From<Error> for tonic::Status {
    fn from(error: Error) -> Self {
        rpc::status(&error)
    }
}

/// An event that the law refuses is refused for ever; everything else may work later.
impl From<Error> for bus::Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Refused(refusal) => Self::DeadLetter(format!("{}: {refusal}", reason(&refusal))),
            Error::Database(error) => Self::from(error),
            other => Self::Retry(other.into()),
        }
    }
}

const fn kind(refusal: &Refusal) -> Kind {
    match refusal {
        Refusal::CourseNotFound
        | Refusal::RunNotFound
        | Refusal::VersionNotFound
        | Refusal::SectionNotFound
        | Refusal::LessonNotFound
        | Refusal::EnrolmentNotFound
        | Refusal::AttemptNotFound
        | Refusal::MediaNotStored => Kind::NotFound,
        Refusal::EtagMismatch => Kind::Stale,
        Refusal::DuplicateId(_)
        | Refusal::BadDate { .. }
        | Refusal::BadHeartbeat { .. }
        | Refusal::BadAnswer { .. } => Kind::Invalid,
        Refusal::AlreadyEnrolled
        | Refusal::CourseArchived
        | Refusal::NothingToPublish
        | Refusal::CourseNotPublished
        | Refusal::TooManySections
        | Refusal::TooManyLessons
        | Refusal::KindChanged
        | Refusal::LearnerErased
        | Refusal::RunNotPublished
        | Refusal::EnrolmentEnded
        | Refusal::EnrolmentPaused
        | Refusal::EnrolmentNotPaused
        | Refusal::EnrolmentCompleted
        | Refusal::LessonLocked(_)
        | Refusal::NotCompletedByHand
        | Refusal::NotAVideo
        | Refusal::MediaChanged
        | Refusal::NotAQuiz
        | Refusal::NoAttemptLeft
        | Refusal::AttemptClosed
        | Refusal::AttemptOverdue => Kind::Conflict,
    }
}

/// The public codes: promises to clients, never changed.
const fn reason(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::CourseNotFound => "COURSE_NOT_FOUND",
        Refusal::RunNotFound => "RUN_NOT_FOUND",
        Refusal::VersionNotFound => "VERSION_NOT_FOUND",
        Refusal::SectionNotFound => "SECTION_NOT_FOUND",
        Refusal::LessonNotFound => "LESSON_NOT_FOUND",
        Refusal::EnrolmentNotFound => "ENROLMENT_NOT_FOUND",
        Refusal::AttemptNotFound => "ATTEMPT_NOT_FOUND",
        Refusal::MediaNotStored => "MEDIA_NOT_STORED",
        Refusal::EtagMismatch => "ETAG_MISMATCH",
        Refusal::CourseArchived => "COURSE_ARCHIVED",
        Refusal::NothingToPublish => "NOTHING_TO_PUBLISH",
        Refusal::CourseNotPublished => "COURSE_NOT_PUBLISHED",
        Refusal::TooManySections => "TOO_MANY_SECTIONS",
        Refusal::TooManyLessons => "TOO_MANY_LESSONS",
        Refusal::DuplicateId(_) => "DUPLICATE_ID",
        Refusal::KindChanged => "LESSON_KIND_CHANGED",
        Refusal::AlreadyEnrolled => "ALREADY_ENROLLED",
        Refusal::LearnerErased => "LEARNER_ERASED",
        Refusal::RunNotPublished => "RUN_NOT_PUBLISHED",
        Refusal::EnrolmentEnded => "ENROLMENT_ENDED",
        Refusal::EnrolmentPaused => "ENROLMENT_PAUSED",
        Refusal::EnrolmentNotPaused => "ENROLMENT_NOT_PAUSED",
        Refusal::EnrolmentCompleted => "ENROLMENT_COMPLETED",
        Refusal::LessonLocked(_) => "LESSON_LOCKED",
        Refusal::NotCompletedByHand => "NOT_COMPLETED_BY_HAND",
        Refusal::NotAVideo => "NOT_A_VIDEO",
        Refusal::MediaChanged => "MEDIA_CHANGED",
        Refusal::NotAQuiz => "NOT_A_QUIZ",
        Refusal::NoAttemptLeft => "NO_ATTEMPT_LEFT",
        Refusal::AttemptClosed => "ATTEMPT_CLOSED",
        Refusal::AttemptOverdue => "ATTEMPT_OVERDUE",
        Refusal::BadDate { .. } | Refusal::BadHeartbeat { .. } | Refusal::BadAnswer { .. } => "INVALID",
    }
}

/// A lock in words, for people who see no screen of ours.
fn explain(lock: &Lock) -> String {
    match lock {
        Lock::NotEnrolled => "you are not enrolled".to_owned(),
        Lock::EnrolmentPaused => "the enrolment is paused".to_owned(),
        Lock::EnrolmentEnded => "the enrolment has ended".to_owned(),
        Lock::AccessNotStarted { until } => format!("the access begins at {until}"),
        Lock::AccessEnded => "the access has ended".to_owned(),
        Lock::RunNotStarted { until } => format!("the run begins at {until}"),
        Lock::RunEnded => "the run is over".to_owned(),
        Lock::NotReleased { until } => format!("the lesson opens at {until}"),
        Lock::Prerequisite { lesson } => format!("the lesson {lesson} has to be completed first"),
    }
}
