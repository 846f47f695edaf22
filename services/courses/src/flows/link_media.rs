//! Links the media of a lesson that is open to the learner. The documents service is asked outside of any transaction.

use crate::{
    app::App,
    documents::MediaLink,
    domain::{
        Refusal,
        content::Content,
        id::{LearnerId, LessonId, RunId},
    },
    error::Result,
    store::{seats, versions},
};

pub async fn run(app: &App, learner: LearnerId, run: RunId, lesson: LessonId) -> Result<MediaLink> {
    let seat = seats::find(&app.db, &app.outlines, learner, run, app.clock.now()).await?.ok_or(Refusal::RunNotFound)?;
    seat.may_read(lesson)?;
    let run = &seat.run;
    let content = versions::content(&app.db, run.course, run.version, lesson).await?.ok_or(Refusal::LessonNotFound)?;
    let media = match content {
        Content::Video(video) => video.media,
        Content::File(file) => file.media,
        Content::Text(_) | Content::Quiz(_) => return Err(Refusal::MediaNotStored.into()),
    };
    app.documents.link(&media).await
}
