//! Changes a lesson of a draft.

use super::edit_draft::{DraftLesson, open};
use crate::{
    app::App,
    domain::{
        Refusal,
        content::Content,
        course::{Title, check_etag},
        id::{CourseId, LessonId},
        outline::{LessonCard, ReleaseDays, Weight},
    },
    error::{Error, Result},
    store::{
        drafts,
        drafts::{Draft, LessonBody},
    },
};

/// What to change; none leaves a field as it is.
#[derive(Debug, Clone, Default)]
pub struct Changes {
    pub title: Option<Title>,
    pub required: Option<bool>,
    pub weight: Option<Weight>,
    pub free_preview: Option<bool>,
    pub release_after: Option<ReleaseDays>,
    pub content: Option<Content>,
}

/// The etag is the lesson's: two editors who change two lessons are not in each other's way.
pub async fn run(
    app: &App,
    course: CourseId,
    id: LessonId,
    etag: Option<i64>,
    changes: Changes,
) -> Result<DraftLesson> {
    let now = app.clock.now();
    pg::transaction(&app.db, async |conn| {
        let mut draft = open(conn, course, None).await?;
        let (_, old) = draft.outline.lesson(id)?;
        let body = drafts::lesson(&mut *conn, course, id).await?.ok_or(Refusal::LessonNotFound)?;
        check_etag(etag, body.revision)?;
        let changes = changes.clone();
        let content = changes.content.unwrap_or_else(|| body.content.clone());
        let card = LessonCard {
            id,
            title: changes.title.unwrap_or_else(|| old.title.clone()),
            kind: content.kind(),
            required: changes.required.unwrap_or(old.required),
            weight: changes.weight.unwrap_or(old.weight),
            free_preview: changes.free_preview.unwrap_or(old.free_preview),
            release_after: changes.release_after.unwrap_or(old.release_after),
        };
        if card == *old && content == body.content {
            return Ok::<_, Error>(DraftLesson { card, body });
        }
        draft.outline.replace_lesson(card.clone())?;
        let draft = Draft { revision: draft.revision + 1, updated_at: now, ..draft };
        drafts::update(conn, &draft).await?;
        let body = LessonBody { content, revision: draft.revision };
        drafts::save_lesson(conn, course, id, &body).await?;
        Ok(DraftLesson { card, body })
    })
    .await
}
