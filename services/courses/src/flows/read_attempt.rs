//! Reads an attempt for its learner. One whose time is up is handed in first, so that nobody waits for a job to see the grade.

use super::submit_attempt;
use crate::{
    app::App,
    domain::{
        Refusal,
        attempt::Attempt,
        grading::Answers,
        id::{AttemptId, LearnerId},
        quiz::Quiz,
    },
    error::Result,
    store::{answers, attempts, attempts::Begun},
};

/// An attempt with all that is shown of it.
#[derive(Debug)]
pub struct AttemptRead {
    pub attempt: Attempt,
    pub quiz: Quiz,
    /// The answers that count so far.
    pub answers: Answers,
    /// What was begun at the quiz.
    pub begun: Begun,
}

pub async fn run(app: &App, learner: LearnerId, id: AttemptId) -> Result<AttemptRead> {
    let mut attempt = attempts::find(&app.db, learner, id).await?.ok_or(Refusal::AttemptNotFound)?;
    if attempt.overdue(app.clock.now()) {
        submit_attempt::run(app, "service:courses", learner, id).await?;
        attempt = attempts::find(&app.db, learner, id).await?.ok_or(Refusal::AttemptNotFound)?;
    }
    let quiz = submit_attempt::quiz(&app.db, attempt.course, attempt.version, attempt.lesson).await?;
    let answers = answers::latest(&app.db, learner, id).await?;
    let begun = attempts::begun(&app.db, attempt.key()).await?;
    Ok(AttemptRead { attempt, quiz, answers, begun })
}

impl AttemptRead {
    /// Whether right answers are shown in it. While another attempt is open, nothing that helps in it is shown.
    pub fn shows_right_answers(&self) -> bool {
        let Begun { count, open, passed } = self.begun;
        let used = u32::try_from(count).unwrap_or(0);
        let quiz_over = open.is_none() && (passed || self.quiz.terms.attempts_left(used) == Some(0));
        self.attempt.outcome.is_some() && self.quiz.terms.shown.now(quiz_over)
    }
}
