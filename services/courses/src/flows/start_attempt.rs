//! Begins an attempt at a quiz, or finds the open one.

use bus::By;
use pg::{Claim, Idempotent};

use super::submit_attempt;
use crate::{
    app::App,
    domain::{
        Refusal,
        attempt::{self, Attempt},
        id::{AttemptId, LearnerId, LessonId, RunId},
        outline::LessonKind,
    },
    error::{Error, Result},
    store::{attempts, enrolments, progress, seats},
};

pub async fn run(
    app: &App,
    actor: &str,
    key: Option<&Idempotent>,
    learner: LearnerId,
    run: RunId,
    lesson: LessonId,
) -> Result<AttemptId> {
    let seat = seats::find(&app.db, &app.outlines, learner, run, app.clock.now()).await?.ok_or(Refusal::RunNotFound)?;
    let (card, place) = seat.learn(lesson)?;
    if card.kind != LessonKind::Quiz {
        return Err(Refusal::NotAQuiz.into());
    }
    let (course, version) = (seat.run.course, seat.run.version);
    let quiz = submit_attempt::quiz(&app.db, course, version, lesson).await?;
    let by = By { actor, now: seat.now };
    pg::transaction(&app.db, async |conn| {
        if let Some(key) = key
            && let Claim::Replay(made) = key.claim(conn, by.now).await?
        {
            return Ok::<_, Error>(AttemptId::from_uuid(made));
        }
        // Two clicks at once: the second one finds the attempt of the first.
        let enrolment = enrolments::lock(conn, learner, place.enrolment).await?.ok_or(Refusal::EnrolmentNotFound)?;
        let begun = attempts::begun(&mut *conn, place).await?;
        if let Some(open) = begun.open {
            let attempt = attempts::lock(conn, learner, open).await?.ok_or(Refusal::AttemptNotFound)?;
            if !attempt.overdue(by.now) {
                return Ok(open);
            }
            submit_attempt::close(conn, attempt, &seat.outline, version, by).await?;
        }
        let attempt = Attempt {
            id: AttemptId::new(by.now),
            learner,
            enrolment: enrolment.id,
            course,
            run,
            lesson,
            version,
            number: attempt::next_number(&quiz.terms, begun.count)?,
            started_at: by.now,
            deadline: quiz.terms.time_limit.map(|limit| by.now + limit),
            max_score: quiz.max_score(),
            outcome: None,
        };
        attempts::insert(conn, &attempt).await?;
        progress::begin(conn, place, by.now).await?;
        if let Some(key) = key {
            key.record(conn, attempt.id.uuid(), by.now).await?;
        }
        Ok(attempt.id)
    })
    .await
}
