//! Everything that the rules refuse, in one table: name, kind and text. What can happen to every service stands in `flow`.

use time::OffsetDateTime;
use values::refusal::{Param, Violation};

use super::{
    access::Lock,
    outline::{MAX_LESSONS, MAX_SECTIONS},
};

values::refusals! {
    /// A refusal. Its text is for the customer.
    pub enum Refusal {
        CourseNotFound: NotFound "there is no such course",
        RunNotFound: NotFound "there is no such run",
        VersionNotFound: NotFound "there is no such version of the course",
        SectionNotFound: NotFound "there is no such section",
        LessonNotFound: NotFound "there is no such lesson",
        EnrolmentNotFound: NotFound "there is no such enrolment",
        AttemptNotFound: NotFound "there is no such attempt",

        // The etag is the present one.
        EtagMismatch { etag: i64 }: Stale "somebody changed it meanwhile; read it again",
        CourseArchived: Conflict "the course is archived; restore it first",
        NothingToPublish: Conflict "the draft has no required lesson, so that nobody could complete the course",
        CourseNotPublished: Conflict "the course has no published version yet",
        TooManySections: Conflict ("a draft has at most {max} sections", max = MAX_SECTIONS),
        TooManyLessons: Conflict ("a draft has at most {max} lessons", max = MAX_LESSONS),
        DuplicateId { id: String }: Invalid "the id {id} stands in the draft twice",
        KindChanged: Conflict "a lesson keeps its kind; make a new one instead" as "LESSON_KIND_CHANGED",

        AlreadyEnrolled: Conflict "the learner is enrolled in the run already",
        LearnerErased: Conflict "the learner's data was erased",
        RunNotPublished: Conflict "the run is not published",
        EnrolmentEnded { ended_at: OffsetDateTime }: Conflict "the enrolment has ended",
        EnrolmentPaused: Conflict "the enrolment is paused already",
        EnrolmentNotPaused: Conflict "the enrolment is not paused",
        EnrolmentCompleted: Conflict "the course is completed",
        // Which date of the request does not fit, and why.
        BadDate { field: &'static str, message: &'static str }: Invalid "{message}" as "INVALID" at "{field}",

        LessonLocked(Vec<Lock>): Conflict "the lesson is locked" at explain,
        NotCompletedByHand: Conflict "the lesson is completed by watching it or by passing it, not by saying so",
        NotAVideo: Conflict "the lesson is not a video",
        MediaChanged: Conflict "the video of the lesson was replaced; read the lesson again",
        // Which field of a heartbeat does not fit its video, and why.
        BadHeartbeat { field: &'static str, message: String }: Invalid "{message}" as "INVALID" at "{field}",
        MediaNotStored: NotFound "the lesson has no media that is stored in this school",
        NotAQuiz: Conflict "the lesson is not a quiz",
        NoAttemptLeft { max_attempts: u8 }: Conflict "no attempt is left",
        AttemptClosed { submitted_at: OffsetDateTime }: Conflict "the attempt was handed in already",
        AttemptOverdue { deadline: Option<OffsetDateTime> }:
            Conflict "the time of the attempt is up; it was handed in as it stood",
        // An answer that does not fit its question: which of the answers, and why.
        BadAnswer { index: usize, field: &'static str, message: &'static str }:
            Invalid "{message}" as "INVALID" at "answers[{index}].{field}",
    }
}

/// Each lock in words, for people who see no screen of ours, and for machines.
fn explain(locks: &[Lock]) -> Vec<Violation> {
    let violation = |lock: &Lock| {
        let mut violation = Violation::of("lesson_id", &lock.to_string());
        violation = violation.with("reason", lock.reason().as_str().to_uppercase());
        if let Some(until) = lock.until() {
            violation = violation.with("until", until.param());
        }
        if let Some(lesson) = lock.lesson() {
            violation = violation.with("lessonId", lesson);
        }
        violation
    };
    locks.iter().map(violation).collect()
}
