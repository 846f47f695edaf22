//! Edits the outline of a draft: everything that changes no lesson's body.

use pg::{Claim, Idempotent};
use sqlx::PgConnection;

use crate::{
    app::App,
    domain::{
        Refusal,
        course::{Title, check_etag},
        id::{CourseId, LessonId, SectionId},
        outline::{LessonCard, Outline},
    },
    error::{Error, Result},
    store::{courses, drafts, drafts::Draft},
};

/// One change of the outline.
#[derive(Debug, Clone)]
pub enum Edit {
    CreateSection { title: Title, position: Option<usize> },
    RenameSection { section: SectionId, title: Title },
    MoveSection { section: SectionId, position: usize },
    DeleteSection { section: SectionId },
    MoveLesson { lesson: LessonId, to: Option<SectionId>, position: usize },
    DeleteLesson { lesson: LessonId },
}

pub async fn run(
    app: &App,
    course: CourseId,
    etag: Option<i64>,
    key: Option<&Idempotent>,
    edit: &Edit,
) -> Result<Draft> {
    let now = app.clock.now();
    pg::transaction(&app.db, async |conn| {
        if let Some(key) = key
            && let Claim::Replay(_) = key.claim(conn, now).await?
        {
            // What was made is in the draft, which is the answer.
            return Ok::<_, Error>(drafts::find(&mut *conn, course).await?.ok_or(Refusal::CourseNotFound)?);
        }
        let draft = open(conn, course, etag).await?;
        let mut outline = draft.outline.clone();
        let made = apply(&mut outline, edit.clone(), SectionId::new(now))?;
        let draft = Draft { outline, revision: draft.revision + 1, updated_at: now, ..draft };
        drafts::update(conn, &draft).await?;
        if matches!(edit, Edit::DeleteSection { .. } | Edit::DeleteLesson { .. }) {
            keep_bodies(conn, &draft).await?;
        }
        if let (Some(key), Some(section)) = (key, made) {
            key.record(conn, section.uuid(), now).await?;
        }
        Ok(draft)
    })
    .await
}

fn apply(outline: &mut Outline, edit: Edit, new: SectionId) -> Result<Option<SectionId>, Refusal> {
    match edit {
        Edit::CreateSection { title, position } => {
            outline.insert_section(new, title, position)?;
            return Ok(Some(new));
        }
        Edit::RenameSection { section, title } => outline.rename_section(section, title)?,
        Edit::MoveSection { section, position } => outline.move_section(section, position)?,
        Edit::DeleteSection { section } => drop(outline.remove_section(section)?),
        Edit::MoveLesson { lesson, to, position } => outline.move_lesson(lesson, to, position)?,
        Edit::DeleteLesson { lesson } => drop(outline.remove_lesson(lesson)?),
    }
    Ok(None)
}

/// The draft of a course that may be edited, locked until the end of the transaction.
pub(super) async fn open(conn: &mut PgConnection, course: CourseId, etag: Option<i64>) -> Result<Draft> {
    let draft = drafts::lock(conn, course).await?.ok_or(Refusal::CourseNotFound)?;
    let course = courses::find(&mut *conn, course).await?.ok_or(Refusal::CourseNotFound)?;
    course.state.editable()?;
    check_etag(etag, draft.revision)?;
    Ok(draft)
}

/// Drops the bodies of lessons that left the outline.
pub(super) async fn keep_bodies(conn: &mut PgConnection, draft: &Draft) -> Result<()> {
    let kept: Vec<LessonId> = draft.outline.lessons().map(|lesson| lesson.id).collect();
    Ok(drafts::keep_lessons(conn, draft.course, &kept).await?)
}

/// A lesson of a draft, whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DraftLesson {
    pub card: LessonCard,
    pub body: drafts::LessonBody,
}
