//! Drafts and their lessons between messages and values.

use contract::{courses as asked, message};
use proto::lyceum::courses::v1 as pb;
use rpc::{Fields, Invalid, Violation, ViolationCode};
use time::OffsetDateTime;

use super::{Door, content};
use crate::{
    domain::{content::Content, id::LessonId, outline},
    flows::{create_lesson::NewLesson, edit_draft::DraftLesson, replace_draft, update_lesson::Changes},
    store::drafts::Draft,
};

/// A place in a list; what is beyond its end is the end.
pub(super) fn place(position: u32) -> usize {
    usize::try_from(position).unwrap_or(usize::MAX)
}

/// A new lesson, which carries its content.
pub(super) fn lesson(sent: asked::DraftLessonInput<Door>, now: OffsetDateTime) -> Result<NewLesson, Invalid> {
    let mut fields = Fields::new();
    let lesson = fields.within("lesson", |fields| read_lesson(fields, sent, now));
    Ok(fields.finish((lesson,))?.0)
}

fn read_lesson(fields: &mut Fields, sent: asked::DraftLessonInput<Door>, now: OffsetDateTime) -> Option<NewLesson> {
    let Some(sent_content) = sent.content else {
        fields.note(Violation::new("", ViolationCode::Required, "expected one of text, video, file, quiz"));
        return None;
    };
    let asked::DraftLessonInput { title, required, weight, free_preview, release_after_days: release_after, .. } = sent;
    let (required, content) = (required.unwrap_or(true), content::read(fields, sent_content, now)?);
    Some(NewLesson { title, required, weight, free_preview, release_after, content })
}

/// The sections of a whole draft; every mistake in any of them is reported.
pub(super) fn sections(
    sent: Vec<asked::DraftSectionInput<Door>>,
    now: OffsetDateTime,
) -> Result<Vec<replace_draft::SentSection>, Invalid> {
    let mut fields = Fields::new();
    let mut sections = Vec::with_capacity(sent.len());
    for (number, section) in sent.into_iter().enumerate() {
        let mut lessons = Vec::with_capacity(section.lessons.len());
        for (place, lesson) in section.lessons.into_iter().enumerate() {
            let (id, path) = (lesson.lesson_id, format!("sections[{number}].lessons[{place}]"));
            let read = fields.within(&path, |fields| read_lesson(fields, lesson, now));
            lessons.extend(read.map(|lesson| replace_draft::SentLesson { id, lesson }));
        }
        sections.push(replace_draft::SentSection { id: section.section_id, title: section.title, lessons });
    }
    fields.check().map(|()| sections)
}

/// What an update of a lesson changes.
pub(super) fn changes(sent: asked::DraftLessonPatch<Door>, now: OffsetDateTime) -> Result<Changes, Invalid> {
    let mut fields = Fields::new();
    let content = sent.content.map(|sent| fields.within("lesson", |fields| content::read(fields, sent, now)));
    fields.check()?;
    let asked::DraftLessonPatch { title, required, weight, free_preview, release_after_days: release_after, .. } = sent;
    let required = required.map(|required| required.unwrap_or(true));
    Ok(Changes { title, required, weight, free_preview, release_after, content: content.flatten() })
}

/// A draft; the revision that was published last tells whether it changed since, `body` what is known of a lesson
/// beside the outline.
pub(super) fn show<'a>(
    draft: &Draft,
    published: Option<i64>,
    body: impl Fn(LessonId) -> Option<(i64, Option<&'a Content>)>,
) -> pb::Draft {
    let one = |card: &outline::LessonCard| {
        let (revision, content) = body(card.id).unwrap_or_default();
        shown(card, revision, content)
    };
    let section = |section: &outline::Section| {
        message! { pb::DraftSection {
            section_id: Some(section.id), title: &section.title, lessons = section.lessons.iter().map(one).collect(),
        } }
    };
    message! { pb::Draft {
        course_id: draft.course, sections = draft.outline.sections.iter().map(section).collect(), etag: draft.revision,
        updated_at: draft.updated_at, changed: published != Some(draft.revision),
    } }
}

pub(super) fn show_lesson(lesson: &DraftLesson) -> pb::DraftLesson {
    shown(&lesson.card, lesson.body.revision, Some(&lesson.body.content))
}

fn shown(card: &outline::LessonCard, revision: i64, content: Option<&Content>) -> pb::DraftLesson {
    message! { pb::DraftLesson {
        lesson_id: Some(card.id), title: &card.title, kind: card.kind.name(), required: Some(card.required),
        weight: card.weight.get(), free_preview: card.free_preview, release_after_days: card.release_after.get(),
        content: content, etag: revision,
    } }
}
