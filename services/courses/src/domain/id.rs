//! The ids that courses knows. Append only.

use values::Id;

/// The kinds, one name each.
pub mod kind {
    values::kinds! {
        Course => "course",
        Run => "run",
        Section => "section",
        Lesson => "lesson",
        Question => "question",
        Choice => "option",
        Learner => "learner",
        Enrolment => "enrolment",
        Entitlement => "entitlement",
        Order => "order",
        Attempt => "attempt",
    }
}

pub type CourseId = Id<kind::Course>;
pub type RunId = Id<kind::Run>;
pub type SectionId = Id<kind::Section>;
pub type LessonId = Id<kind::Lesson>;
pub type QuestionId = Id<kind::Question>;
pub type ChoiceId = Id<kind::Choice>;
/// The id of a user in the users service; the same person is called learner here.
pub type LearnerId = Id<kind::Learner>;
pub type EnrolmentId = Id<kind::Enrolment>;
pub type EntitlementId = Id<kind::Entitlement>;
pub type OrderId = Id<kind::Order>;
pub type AttemptId = Id<kind::Attempt>;
