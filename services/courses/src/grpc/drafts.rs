//! Drafts and their lessons between messages and values.

use std::collections::BTreeMap;

use proto::{
    lyceum::courses::v1::{Draft, DraftLesson, DraftSection, draft_lesson},
    wkt::FieldMask,
};
use rpc::{Fields, Invalid};
use time::OffsetDateTime;

use super::{Mask, content, optional_id, show};
use crate::{
    domain::{
        content::Content,
        course::Title,
        id::LessonId,
        outline::{LessonCard, ReleaseDays, Section, Weight},
    },
    flows::{
        create_lesson::NewLesson,
        edit_draft,
        replace_draft::{SentLesson, SentSection},
        update_lesson::Changes,
    },
    store::drafts as memory,
};

/// A lesson that carries its content.
pub(super) fn read_lesson(
    fields: &mut Fields,
    path: &str,
    sent: DraftLesson,
    now: OffsetDateTime,
) -> Option<NewLesson> {
    let title = fields.take(&format!("{path}.title"), Title::parse(&sent.title));
    let weight = fields.take(&format!("{path}.weight"), Weight::parse(sent.weight));
    let release_after = fields.take(&format!("{path}.release_after_days"), ReleaseDays::parse(sent.release_after_days));
    let content = match sent.content {
        Some(sent) => content::read(fields, path, sent, now),
        None => {
            fields.refuse(path, "expected one of text, video, file, quiz");
            None
        }
    };
    Some(NewLesson {
        title: title?,
        required: sent.required.unwrap_or(true),
        weight: weight?,
        free_preview: sent.free_preview,
        release_after: release_after?,
        content: content?,
    })
}

/// The sections of a whole draft.
pub(super) fn read_sections(
    fields: &mut Fields,
    sent: Vec<DraftSection>,
    now: OffsetDateTime,
) -> Option<Vec<SentSection>> {
    let mut sections = Vec::with_capacity(sent.len());
    let mut complete = true;
    for (number, section) in sent.into_iter().enumerate() {
        match read_section(fields, &format!("sections[{number}]"), section, now) {
            Some(section) => sections.push(section),
            None => complete = false,
        }
    }
    complete.then_some(sections)
}

fn read_section(fields: &mut Fields, path: &str, sent: DraftSection, now: OffsetDateTime) -> Option<SentSection> {
    let id = optional_id(fields, &format!("{path}.section_id"), &sent.section_id);
    let title = fields.take(&format!("{path}.title"), Title::parse(&sent.title));
    let mut lessons = Vec::with_capacity(sent.lessons.len());
    let mut complete = true;
    for (number, lesson) in sent.lessons.into_iter().enumerate() {
        let path = format!("{path}.lessons[{number}]");
        let id = optional_id(fields, &format!("{path}.lesson_id"), &lesson.lesson_id);
        match (id, read_lesson(fields, &path, lesson, now)) {
            (Some(id), Some(lesson)) => lessons.push(SentLesson { id, lesson }),
            _ => complete = false,
        }
    }
    complete.then_some(SentSection { id: id?, title: title?, lessons })
}

const CONTENTS: [&str; 4] = ["text", "video", "file", "quiz"];
/// The id may be named by who sends back what was read; it is the one in the path.
const LESSON: [&str; 10] =
    ["lesson_id", "title", "required", "weight", "free_preview", "release_after_days", "text", "video", "file", "quiz"];

/// What an update of a lesson changes.
pub(super) fn read_changes(
    fields: &mut Fields,
    sent: DraftLesson,
    mask: Option<FieldMask>,
    now: OffsetDateTime,
) -> Option<Changes> {
    let mask = Mask::read(fields, mask, &LESSON);
    let title = mask.take(fields, "lesson", "title", || Title::parse(&sent.title));
    let weight = mask.take(fields, "lesson", "weight", || Weight::parse(sent.weight));
    let days = mask.take(fields, "lesson", "release_after_days", || ReleaseDays::parse(sent.release_after_days));
    let content = read_masked_content(fields, &mask, sent.content, now);
    Some(Changes {
        title: title?,
        required: mask.names("required").then(|| sent.required.unwrap_or(true)),
        weight: weight?,
        free_preview: mask.names("free_preview").then_some(sent.free_preview),
        release_after: days?,
        content: content?,
    })
}

fn read_masked_content(
    fields: &mut Fields,
    mask: &Mask,
    sent: Option<draft_lesson::Content>,
    now: OffsetDateTime,
) -> Option<Option<Content>> {
    let name = sent.as_ref().map(|sent| match sent {
        draft_lesson::Content::Text(_) => "text",
        draft_lesson::Content::Video(_) => "video",
        draft_lesson::Content::File(_) => "file",
        draft_lesson::Content::Quiz(_) => "quiz",
    });
    let named = CONTENTS.iter().find(|content| !mask.paths.is_empty() && mask.names(content));
    match (sent, name, named) {
        (Some(sent), Some(name), _) if mask.names(name) => content::read(fields, "lesson", sent, now).map(Some),
        (_, _, Some(named)) => {
            fields.refuse(format!("lesson.{named}"), "is required");
            None
        }
        _ => Some(None),
    }
}

/// What is known of the lessons beside the outline: their bodies, or only their revisions.
pub(super) enum Bodies {
    Whole(BTreeMap<LessonId, memory::LessonBody>),
    Revisions(BTreeMap<LessonId, i64>),
}

impl Bodies {
    fn of(&self, id: LessonId) -> (i64, Option<&Content>) {
        match self {
            Self::Whole(bodies) => bodies.get(&id).map_or((0, None), |body| (body.revision, Some(&body.content))),
            Self::Revisions(revisions) => (revisions.get(&id).copied().unwrap_or(0), None),
        }
    }
}

/// A draft; the revision that was published last tells whether it changed since.
pub(super) fn draft(draft: &memory::Draft, bodies: &Bodies, published: Option<i64>) -> Draft {
    let one = |card: &LessonCard| {
        let (revision, content) = bodies.of(card.id);
        shown(card, revision, content)
    };
    let section = |section: &Section| DraftSection {
        section_id: section.id.to_string(),
        title: section.title.to_string(),
        lessons: section.lessons.iter().map(one).collect(),
    };
    Draft {
        course_id: draft.course.to_string(),
        sections: draft.outline.sections.iter().map(section).collect(),
        etag: draft.revision.to_string(),
        updated_at: Some(draft.updated_at.into()),
        changed: published != Some(draft.revision),
    }
}

pub(super) fn lesson(lesson: &edit_draft::DraftLesson) -> DraftLesson {
    shown(&lesson.card, lesson.body.revision, Some(&lesson.body.content))
}

fn shown(card: &LessonCard, revision: i64, content: Option<&Content>) -> DraftLesson {
    DraftLesson {
        lesson_id: card.id.to_string(),
        title: card.title.to_string(),
        kind: show::kind(&card.kind).into(),
        required: Some(card.required),
        weight: i32::from(card.weight.get()),
        free_preview: card.free_preview,
        release_after_days: i32::from(card.release_after.get()),
        content: content.map(content::message),
        etag: revision.to_string(),
    }
}

/// A message that has to be there.
pub(super) fn required<T>(field: &str, sent: Option<T>) -> Result<T, Invalid> {
    sent.ok_or_else(|| Invalid::field(field, "is required"))
}
