//! A player tells what was watched and where it stands.

use bus::By;
use failpoint::failpoint;

use super::finish_lesson;
use crate::{
    app::App,
    domain::{
        Refusal,
        id::{LearnerId, LessonId, RunId},
        outline::LessonKind,
        playback::{Heartbeat, Playback, Report},
        progress::Key,
    },
    error::{Error, Result},
    store::{progress, seats},
};

pub async fn run(
    app: &App,
    actor: &str,
    learner: LearnerId,
    run: RunId,
    lesson: LessonId,
    report: Report,
) -> Result<Key> {
    let seat = seats::find(&app.db, &app.outlines, learner, run, app.clock.now()).await?.ok_or(Refusal::RunNotFound)?;
    let (card, key) = seat.learn(lesson)?;
    let LessonKind::Video(video) = &card.kind else { return Err(Refusal::NotAVideo.into()) };
    let heartbeat = Heartbeat::check(report, video)?;
    let by = By { actor, now: seat.now };
    let key = pg::transaction(&app.db, async |conn| {
        progress::begin(conn, key, by.now).await?;
        let known = progress::lock(conn, key).await?;
        let playback = known.playback.unwrap_or_else(|| Playback::new(video.media.clone())).about(video);
        if playback.knows(&heartbeat) {
            return Ok::<_, Error>(key);
        }
        let playback = playback.join(heartbeat.clone(), by.now);
        progress::save_playback(conn, key, &playback, playback.watched.percent(video.length)).await?;
        if known.completed_at.is_none() && playback.watched.reaches(video.completion, video.length) {
            finish_lesson::run(conn, key, &seat.outline, seat.run.version, by).await?;
        }
        Ok(key)
    })
    .await?;
    failpoint!("heartbeat.kept");
    Ok(key)
}
