//! The ids that courses knows. A user of the users service is called learner here.

pub use ids::{
    AttemptId, CourseId, EnrolmentId, EntitlementId, LearnerId, LessonId, OptionId as ChoiceId, OrderId, QuestionId,
    RunId, SectionId,
};
