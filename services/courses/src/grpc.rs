//! The door: which flow or which read answers an operation, and how it is printed. Rules, SQL and transactions are elsewhere;
//! what requests hold was checked by the contract.

mod authoring;
mod catalog;
mod content;
mod draft;
mod enrolments;
mod learning;
mod quizzes;
mod show;

use std::sync::Arc;

use contract::{Call, courses as asked};
use tonic::service::Routes;

use crate::{
    app::App,
    domain::{
        Refusal,
        content::Percent,
        course::{CourseState, Level},
        decimal::Decimal,
        enrolment::StateName,
        id::RunId,
        outline::{ReleaseDays, Weight},
        quiz::{AnswersShown, Points},
        run::{Pacing, Sequence},
        seat::Seat,
    },
    error::{Error, Result},
    store::{courses, enrolments as kept, seats},
};

/// What answers.
#[derive(Debug, Clone)]
pub struct Door(Arc<App>);

/// The services of this process.
pub fn routes(app: Arc<App>) -> Routes {
    let door = Arc::new(Door(app));
    Routes::new(asked::catalog_service(Arc::clone(&door)))
        .add_service(asked::authoring_service(Arc::clone(&door)))
        .add_service(asked::enrolment_service(Arc::clone(&door)))
        .add_service(asked::learning_service(door))
}

impl asked::Types for Door {
    type Error = Error;
    type AnswersShown = AnswersShown;
    type CourseLevel = Level;
    type CourseState = CourseState;
    type Decimal = Decimal;
    type EnrolmentState = StateName;
    type ListAuthoredCoursesOrderBy = courses::Order;
    type ListEnrolmentsOrderBy = kept::Order;
    type Percent = Percent;
    type Points = Points;
    type ReleaseDays = ReleaseDays;
    type RunPacing = Pacing;
    type RunSequence = Sequence;
    type Weight = Weight;
}

impl Door {
    /// The caller's seat in a run.
    async fn seat(&self, call: &Call, run: RunId) -> Result<Seat> {
        let app = &self.0;
        let seat = seats::find(&app.db, &app.outlines, call.person()?, run, app.clock.now()).await?;
        Ok(seat.ok_or(Refusal::RunNotFound)?)
    }
}

#[cfg(test)]
mod tests {
    use contract::same_names;
    use proto::lyceum::courses::v1 as pb;

    use super::*;
    use crate::domain::{access::LockReason, enrolment::Mode, outline::LessonKindName, quiz::QuestionKindName, run::RunState};

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
        assert_eq!(same_names::<pb::list_authored_courses_request::OrderBy, courses::Order>(), Ok(()));
        assert_eq!(same_names::<pb::list_enrolments_request::OrderBy, kept::Order>(), Ok(()));
        assert_eq!(same_names::<pb::run::Pacing, Pacing>(), Ok(()));
        assert_eq!(same_names::<pb::run::Sequence, Sequence>(), Ok(()));
        assert_eq!(same_names::<pb::run::State, RunState>(), Ok(()));
    }
}
