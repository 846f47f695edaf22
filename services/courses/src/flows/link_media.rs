//! Links the media of a lesson that is open to the learner. The documents service is asked outside of any transaction.

use super::take_seat;
use crate::{
    app::App,
    documents::MediaLink,
    domain::{
        Refusal,
        content::Content,
        id::{LearnerId, LessonId, RunId},
    },
    error::Result,
    store::versions,
};

pub async fn run(app: &App, learner: LearnerId, run: RunId, lesson: LessonId) -> Result<MediaLink> {
    let seated = take_seat::run(app, learner, run).await?;
    seated.may_read(lesson)?;
    let run = &seated.seat.run;
    let content = versions::content(&app.db, run.course, run.version, lesson).await?.ok_or(Refusal::LessonNotFound)?;
    let media = match content {
        Content::Video(video) => video.media,
        Content::File(file) => file.media,
        Content::Text(_) | Content::Quiz(_) => return Err(Refusal::MediaNotStored.into()),
    };
    app.documents.link(&media).await
}
