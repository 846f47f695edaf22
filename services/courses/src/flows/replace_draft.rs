//! Replaces a whole draft. Sections and lessons with known ids stay the same ones.

use std::collections::BTreeSet;

use super::{
    create_lesson::NewLesson,
    edit_draft::{keep_bodies, open},
};
use crate::{
    app::App,
    domain::{
        Refusal,
        content::Content,
        course::Title,
        id::{CourseId, LessonId, SectionId},
        outline::{LessonCard, Outline, Section},
    },
    error::{Error, Result},
    store::{
        drafts,
        drafts::{Draft, LessonBody},
    },
};

/// A section as it was sent: an id names an existing one.
#[derive(Debug, Clone)]
pub struct SentSection {
    pub id: Option<SectionId>,
    pub title: Title,
    pub lessons: Vec<SentLesson>,
}

/// A lesson as it was sent: an id names an existing one.
#[derive(Debug, Clone)]
pub struct SentLesson {
    pub id: Option<LessonId>,
    pub lesson: NewLesson,
}

pub async fn run(app: &App, course: CourseId, etag: Option<i64>, sections: &[SentSection]) -> Result<Draft> {
    let now = app.clock.now();
    pg::transaction(&app.db, async |conn| {
        let old = open(conn, course, etag).await?;
        let known: BTreeSet<SectionId> = old.outline.sections.iter().map(|section| section.id).collect();
        let mut bodies: Vec<(LessonId, &Content)> = Vec::new();
        let mut outline = Vec::with_capacity(sections.len());
        for section in sections {
            let id = match section.id {
                Some(id) if known.contains(&id) => id,
                Some(_) => return Err(Error::from(Refusal::SectionNotFound)),
                None => SectionId::new(now),
            };
            let mut lessons = Vec::with_capacity(section.lessons.len());
            for sent in &section.lessons {
                let card = card(&old.outline, sent, LessonId::new(now))?;
                bodies.push((card.id, &sent.lesson.content));
                lessons.push(card);
            }
            outline.push(Section { id, title: section.title.clone(), lessons });
        }
        let outline = Outline::new(outline)?;
        let draft = Draft { course, outline, revision: old.revision + 1, updated_at: now };
        drafts::update(conn, &draft).await?;
        keep_bodies(conn, &draft).await?;
        let before = drafts::lessons(&mut *conn, course).await?;
        for (lesson, content) in bodies {
            let changed = before.get(&lesson).is_none_or(|body| body.content != *content);
            let card_changed = old.outline.lesson(lesson).ok().map(|(_, card)| card)
                != draft.outline.lesson(lesson).ok().map(|(_, card)| card);
            if changed || card_changed {
                let body = LessonBody { content: content.clone(), revision: draft.revision };
                drafts::save_lesson(conn, course, lesson, &body).await?;
            }
        }
        Ok(draft)
    })
    .await
}

fn card(old: &Outline, sent: &SentLesson, new: LessonId) -> Result<LessonCard, Refusal> {
    let Some(id) = sent.id else { return Ok(sent.lesson.card(new)) };
    let (_, there) = old.lesson(id)?;
    let card = sent.lesson.card(id);
    if card.kind.same(&there.kind) { Ok(card) } else { Err(Refusal::KindChanged) }
}
