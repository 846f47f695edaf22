//! Saves answers of an open attempt as further steps.

use super::submit_attempt;
use crate::{
    app::App,
    domain::{
        Refusal, access,
        grading::{Answer, Given, accept},
        id::{AttemptId, LearnerId, QuestionId},
    },
    error::{Error, Result},
    store::{answers, attempts, enrolments},
};

pub async fn run(app: &App, actor: &str, learner: LearnerId, id: AttemptId, given: &[Given]) -> Result<()> {
    let now = app.clock.now();
    let attempt = attempts::find(&app.db, learner, id).await?.ok_or(Refusal::AttemptNotFound)?;
    if attempt.overdue(now) {
        // It counts as it stands; the refusal comes after that is written.
        submit_attempt::run(app, actor, learner, id).await?;
        return Err(Refusal::AttemptOverdue { deadline: attempt.deadline }.into());
    }
    let quiz = submit_attempt::quiz(&app.db, attempt.course, attempt.version, attempt.lesson).await?;
    let accepted = accept(&quiz, given)?;
    pg::transaction(&app.db, async |conn| {
        let enrolment = enrolments::find(&mut *conn, learner, attempt.enrolment).await?;
        access::may_go_on(&enrolment.ok_or(Refusal::EnrolmentNotFound)?, now)?;
        let attempt = attempts::lock(conn, learner, id).await?.ok_or(Refusal::AttemptNotFound)?;
        attempt.answerable(now)?;
        let before = answers::latest(&mut *conn, learner, id).await?;
        // An answer that is saved twice, as after a lost reply, is no further step.
        let news = |(question, answer): &&(QuestionId, Answer)| match before.get(question) {
            Some(known) => known != answer,
            None => *answer != Answer::Withdrawn,
        };
        let steps: Vec<_> = accepted.iter().filter(news).cloned().collect();
        if !steps.is_empty() {
            answers::append(conn, learner, id, &steps, now).await?;
        }
        Ok::<_, Error>(())
    })
    .await
}
