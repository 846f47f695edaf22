//! Enums have the same names here and in the contract: the door writes and reads them by their names.

use contract::same_names;
use courses::{
    domain::{
        access::LockReason,
        course::{CourseState, Level},
        enrolment::{Mode, StateName},
        outline::LessonKindName,
        quiz::{AnswersShown, QuestionKindName},
        run::{Pacing, RunState, Sequence},
    },
    store::{courses::Order as CoursesOrder, enrolments::Order as EnrolmentsOrder},
};
use proto::lyceum::courses::v1 as pb;

#[test]
fn enums_have_the_names_of_the_contract() {
    assert_eq!(same_names::<pb::AnswersShown, AnswersShown>(), Ok(()));
    assert_eq!(same_names::<pb::LessonKind, LessonKindName>(), Ok(()));
    assert_eq!(same_names::<pb::attempt_question::Kind, QuestionKindName>(), Ok(()));
    assert_eq!(same_names::<pb::course::Level, Level>(), Ok(()));
    assert_eq!(same_names::<pb::course::State, CourseState>(), Ok(()));
    assert_eq!(same_names::<pb::enrolment::Mode, Mode>(), Ok(()));
    assert_eq!(same_names::<pb::enrolment::State, StateName>(), Ok(()));
    assert_eq!(same_names::<pb::lesson_lock::Reason, LockReason>(), Ok(()));
    assert_eq!(same_names::<pb::list_authored_courses_request::OrderBy, CoursesOrder>(), Ok(()));
    assert_eq!(same_names::<pb::list_enrolments_request::OrderBy, EnrolmentsOrder>(), Ok(()));
    assert_eq!(same_names::<pb::run::Pacing, Pacing>(), Ok(()));
    assert_eq!(same_names::<pb::run::Sequence, Sequence>(), Ok(()));
    assert_eq!(same_names::<pb::run::State, RunState>(), Ok(()));
}
