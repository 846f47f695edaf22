//! Drafts and their lessons between messages and values.

use contract::courses as asked;
use proto::lyceum::courses::v1 as pb;
use rpc::{Fields, Invalid, Violation, ViolationCode};
use time::OffsetDateTime;

use super::{Door, content, show};
use crate::{
    domain::{
        content::Content,
        id::LessonId,
        outline::{LessonCard, Section},
    },
    flows::{
        create_lesson::NewLesson,
        edit_draft::DraftLesson,
        replace_draft::{SentLesson, SentSection},
        update_lesson::Changes,
    },
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
    Some(NewLesson {
        title: sent.title,
        required: sent.required.unwrap_or(true),
        weight: sent.weight,
        free_preview: sent.free_preview,
        release_after: sent.release_after_days,
        content: content::read(fields, sent_content, now)?,
    })
}

/// The sections of a whole draft; every mistake in any of them is reported.
pub(super) fn sections(
    sent: Vec<asked::DraftSectionInput<Door>>,
    now: OffsetDateTime,
) -> Result<Vec<SentSection>, Invalid> {
    let mut fields = Fields::new();
    let mut sections = Vec::with_capacity(sent.len());
    for (number, section) in sent.into_iter().enumerate() {
        let mut lessons = Vec::with_capacity(section.lessons.len());
        for (place, lesson) in section.lessons.into_iter().enumerate() {
            let (id, path) = (lesson.lesson_id, format!("sections[{number}].lessons[{place}]"));
            let read = fields.within(&path, |fields| read_lesson(fields, lesson, now));
            lessons.extend(read.map(|lesson| SentLesson { id, lesson }));
        }
        sections.push(SentSection { id: section.section_id, title: section.title, lessons });
    }
    fields.check().map(|()| sections)
}

/// What an update of a lesson changes.
pub(super) fn changes(sent: asked::DraftLessonPatch<Door>, now: OffsetDateTime) -> Result<Changes, Invalid> {
    let mut fields = Fields::new();
    let content = sent.content.map(|sent| fields.within("lesson", |fields| content::read(fields, sent, now)));
    fields.check()?;
    Ok(Changes {
        title: sent.title,
        required: sent.required.map(|required| required.unwrap_or(true)),
        weight: sent.weight,
        free_preview: sent.free_preview,
        release_after: sent.release_after_days,
        content: content.flatten(),
    })
}

/// A draft; the revision that was published last tells whether it changed since, `body` what is known of a lesson beside the
/// outline.
pub(super) fn show<'a>(
    draft: &Draft,
    published: Option<i64>,
    body: impl Fn(LessonId) -> Option<(i64, Option<&'a Content>)>,
) -> pb::Draft {
    let one = |card: &LessonCard| {
        let (revision, content) = body(card.id).unwrap_or_default();
        shown(card, revision, content)
    };
    let section = |section: &Section| pb::DraftSection {
        section_id: Some(section.id.to_string()),
        title: section.title.to_string(),
        lessons: section.lessons.iter().map(one).collect(),
    };
    pb::Draft {
        course_id: draft.course.to_string(),
        sections: draft.outline.sections.iter().map(section).collect(),
        etag: draft.revision.to_string(),
        updated_at: Some(draft.updated_at.into()),
        changed: published != Some(draft.revision),
    }
}

pub(super) fn show_lesson(lesson: &DraftLesson) -> pb::DraftLesson {
    shown(&lesson.card, lesson.body.revision, Some(&lesson.body.content))
}

fn shown(card: &LessonCard, revision: i64, content: Option<&Content>) -> pb::DraftLesson {
    pb::DraftLesson {
        lesson_id: Some(card.id.to_string()),
        title: card.title.to_string(),
        kind: show::kind(&card.kind),
        required: Some(card.required),
        weight: i32::from(card.weight.get()),
        free_preview: card.free_preview,
        release_after_days: i32::from(card.release_after.get()),
        content: content.map(content::show),
        etag: revision.to_string(),
    }
}
