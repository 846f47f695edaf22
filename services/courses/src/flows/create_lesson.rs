//! Adds a lesson to a draft.

use pg::{Claim, Idempotent};

use super::edit_draft::{DraftLesson, open};
use crate::{
    app::App,
    domain::{
        Refusal,
        content::Content,
        course::Title,
        id::{CourseId, LessonId, SectionId},
        outline::{LessonCard, ReleaseDays, Weight},
    },
    error::{Error, Result},
    store::{
        drafts,
        drafts::{Draft, LessonBody},
    },
};

/// A lesson as its author describes it.
#[derive(Debug, Clone)]
pub struct NewLesson {
    pub title: Title,
    pub required: bool,
    pub weight: Weight,
    pub free_preview: bool,
    pub release_after: ReleaseDays,
    pub content: Content,
}

impl NewLesson {
    pub fn card(&self, id: LessonId) -> LessonCard {
        LessonCard {
            id,
            title: self.title.clone(),
            kind: self.content.kind(),
            required: self.required,
            weight: self.weight,
            free_preview: self.free_preview,
            release_after: self.release_after,
        }
    }
}

/// Where to add it.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    pub course: CourseId,
    pub section: SectionId,
    /// None: at the end.
    pub position: Option<usize>,
    /// The draft's revision as it was read.
    pub etag: Option<i64>,
}

pub async fn run(app: &App, key: Option<&Idempotent>, place: Place, lesson: &NewLesson) -> Result<DraftLesson> {
    let now = app.clock.now();
    pg::transaction(&app.db, async |conn| {
        if let Some(key) = key
            && let Claim::Replay(made) = key.claim(conn, now).await?
        {
            let id = LessonId::from_uuid(made);
            let draft = drafts::find(&mut *conn, place.course).await?.ok_or(Refusal::CourseNotFound)?;
            let (_, card) = draft.outline.lesson(id)?;
            let body = drafts::lesson(&mut *conn, place.course, id).await?.ok_or(Refusal::LessonNotFound)?;
            return Ok::<_, Error>(DraftLesson { card: card.clone(), body });
        }
        let mut draft = open(conn, place.course, place.etag).await?;
        let card = lesson.card(LessonId::new(now));
        draft.outline.insert_lesson(place.section, card.clone(), place.position)?;
        let draft = Draft { revision: draft.revision + 1, updated_at: now, ..draft };
        drafts::update(conn, &draft).await?;
        let body = LessonBody { content: lesson.content.clone(), revision: draft.revision };
        drafts::save_lesson(conn, place.course, card.id, &body).await?;
        if let Some(key) = key {
            key.record(conn, card.id.uuid(), now).await?;
        }
        Ok(DraftLesson { card, body })
    })
    .await
}
