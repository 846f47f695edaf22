//! Everything that the law refuses, by name. What it means on the wire stands in `error.rs`.

use super::access::Lock;

/// A refusal. Its text is for the customer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("there is no such course")]
    CourseNotFound,
    #[error("there is no such run")]
    RunNotFound,
    #[error("there is no such version of the course")]
    VersionNotFound,
    #[error("there is no such section")]
    SectionNotFound,
    #[error("there is no such lesson")]
    LessonNotFound,
    #[error("there is no such enrolment")]
    EnrolmentNotFound,
    #[error("there is no such attempt")]
    AttemptNotFound,

    #[error("somebody changed it meanwhile; read it again")]
    EtagMismatch,
    #[error("the course is archived; restore it first")]
    CourseArchived,
    #[error("the draft has no required lesson, so that nobody could complete the course")]
    NothingToPublish,
    #[error("the course has no published version yet")]
    CourseNotPublished,
    #[error("a draft has at most {} sections", super::outline::MAX_SECTIONS)]
    TooManySections,
    #[error("a draft has at most {} lessons", super::outline::MAX_LESSONS)]
    TooManyLessons,
    #[error("the id {0} stands in the draft twice")]
    DuplicateId(String),
    #[error("a lesson keeps its kind; make a new one instead")]
    KindChanged,

    #[error("the learner is enrolled in the run already")]
    AlreadyEnrolled,
    #[error("the learner's data was erased")]
    LearnerErased,
    #[error("the run is not published")]
    RunNotPublished,
    #[error("the enrolment has ended")]
    EnrolmentEnded,
    #[error("the enrolment is paused already")]
    EnrolmentPaused,
    #[error("the enrolment is not paused")]
    EnrolmentNotPaused,
    #[error("the course is completed")]
    EnrolmentCompleted,
    /// Which date of the request does not fit, and why.
    #[error("{message}")]
    BadDate { field: &'static str, message: &'static str },

    #[error("the lesson is locked")]
    LessonLocked(Vec<Lock>),
    #[error("the lesson is completed by watching it or by passing it, not by saying so")]
    NotCompletedByHand,
    #[error("the lesson is not a video")]
    NotAVideo,
    #[error("the video of the lesson was replaced; read the lesson again")]
    MediaChanged,
    /// Which field of a heartbeat does not fit its video, and why.
    #[error("{message}")]
    BadHeartbeat { field: &'static str, message: String },
    #[error("the lesson has no media that is stored in this school")]
    MediaNotStored,
    #[error("the lesson is not a quiz")]
    NotAQuiz,
    #[error("no attempt is left")]
    NoAttemptLeft,
    #[error("the attempt was handed in already")]
    AttemptClosed,
    #[error("the time of the attempt is up; it was handed in as it stood")]
    AttemptOverdue,
    /// An answer that does not fit its question: which of the answers, and why.
    #[error("{message}")]
    BadAnswer { index: usize, field: &'static str, message: &'static str },
}
