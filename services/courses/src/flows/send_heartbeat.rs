//! A player tells what was watched and where it stands.

use failpoint::failpoint;

use super::{finish_lesson, take_seat};
use crate::{
    app::App,
    domain::{
        Refusal,
        id::{LearnerId, LessonId, RunId},
        outline::LessonKind,
        playback::{Heartbeat, Playback, Report},
    },
    error::{Error, Result},
    events::By,
    store::{progress, progress::Key},
};

pub async fn run(
    app: &App,
    actor: &str,
    learner: LearnerId,
    run: RunId,
    lesson: LessonId,
    report: Report,
) -> Result<Key> {
    let seated = take_seat::run(app, learner, run).await?;
    let (card, key) = seated.learn(lesson)?;
    let LessonKind::Video(video) = &card.kind else { return Err(Refusal::NotAVideo.into()) };
    let heartbeat = Heartbeat::check(report, video)?;
    let by = By { actor, now: seated.now };
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
            finish_lesson::run(conn, key, &seated.outline, seated.seat.run.version, by).await?;
        }
        Ok(key)
    })
    .await?;
    failpoint!("heartbeat.kept");
    Ok(key)
}
