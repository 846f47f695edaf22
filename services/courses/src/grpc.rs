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
    domain::{Refusal, content::Percent, course, decimal, enrolment, id::RunId, outline, quiz, run, seat::Seat},
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
    type AnswersShown = quiz::AnswersShown;
    type CourseLevel = course::Level;
    type CourseState = course::CourseState;
    type Decimal = decimal::Decimal;
    type EnrolmentState = enrolment::StateName;
    type ListAuthoredCoursesOrderBy = courses::Order;
    type ListEnrolmentsOrderBy = kept::Order;
    type Percent = Percent;
    type Points = quiz::Points;
    type ReleaseDays = outline::ReleaseDays;
    type RunPacing = run::Pacing;
    type RunSequence = run::Sequence;
    type Weight = outline::Weight;
}

impl Door {
    /// The caller's seat in a run.
    async fn seat(&self, call: &Call, run: RunId) -> Result<Seat> {
        let app = &self.0;
        let seat = seats::find(&app.db, &app.outlines, call.person()?, run, app.clock.now()).await?;
        Ok(seat.ok_or(Refusal::RunNotFound)?)
    }
}
