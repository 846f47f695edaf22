//! A learner says that a text was read or a file taken.

use failpoint::failpoint;

use super::{finish_lesson, take_seat};
use crate::{
    app::App,
    domain::{
        Refusal,
        id::{LearnerId, LessonId, RunId},
        outline::LessonKind,
    },
    error::{Error, Result},
    events::By,
    store::{progress, progress::Key},
};

pub async fn run(app: &App, actor: &str, learner: LearnerId, run: RunId, lesson: LessonId) -> Result<Key> {
    let seated = take_seat::run(app, learner, run).await?;
    let (card, key) = seated.learn(lesson)?;
    if matches!(card.kind, LessonKind::Video(_) | LessonKind::Quiz) {
        return Err(Refusal::NotCompletedByHand.into());
    }
    let by = By { actor, now: seated.now };
    let key = pg::transaction(&app.db, async |conn| {
        progress::begin(conn, key, by.now).await?;
        progress::fill(conn, key).await?;
        finish_lesson::run(conn, key, &seated.outline, seated.seat.run.version, by).await?;
        Ok::<_, Error>(key)
    })
    .await?;
    failpoint!("lesson.completed");
    Ok(key)
}
