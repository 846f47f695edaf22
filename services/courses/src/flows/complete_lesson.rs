//! A learner says that a text was read or a file taken.

use bus::By;
use failpoint::failpoint;

use super::finish_lesson;
use crate::{
    app::App,
    domain::{
        Refusal,
        id::{LearnerId, LessonId, RunId},
        outline::LessonKind,
        progress::Key,
    },
    error::{Error, Result},
    store::{progress, seats},
};

pub async fn run(app: &App, actor: &str, learner: LearnerId, run: RunId, lesson: LessonId) -> Result<Key> {
    let seat = seats::find(&app.db, &app.outlines, learner, run, app.clock.now()).await?.ok_or(Refusal::RunNotFound)?;
    let (card, key) = seat.learn(lesson)?;
    if matches!(card.kind, LessonKind::Video(_) | LessonKind::Quiz) {
        return Err(Refusal::NotCompletedByHand.into());
    }
    let by = By { actor, now: seat.now };
    let key = pg::transaction(&app.db, async |conn| {
        progress::begin(conn, key, by.now).await?;
        progress::fill(conn, key).await?;
        finish_lesson::run(conn, key, &seat.outline, seat.run.version, by).await?;
        Ok::<_, Error>(key)
    })
    .await?;
    failpoint!("lesson.completed");
    Ok(key)
}
