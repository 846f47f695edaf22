//! Drafts: the outline in one row, which serialises the editors of a course, and the lessons' bodies in rows of their own.

use std::collections::BTreeMap;

use sqlx::{PgConnection, PgExecutor};
use time::OffsetDateTime;

use super::document::{
    ContentDocument, OutlineDocument, Stored, read_content, read_outline, write_content, write_outline,
};
use crate::domain::{
    content::Content,
    id::{CourseId, LessonId},
    outline::Outline,
};

/// A draft without the lessons' bodies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    pub course: CourseId,
    pub outline: Outline,
    /// Grows with each change of the outline or of any lesson.
    pub revision: i64,
    pub updated_at: OffsetDateTime,
}

#[derive(sqlx::FromRow)]
struct DraftRow {
    course_id: CourseId,
    outline: Stored<OutlineDocument>,
    revision: i64,
    updated_at: OffsetDateTime,
}

impl DraftRow {
    fn draft(self) -> Result<Draft, sqlx::Error> {
        Ok(Draft {
            course: self.course_id,
            outline: read_outline(self.outline)?,
            revision: self.revision,
            updated_at: self.updated_at,
        })
    }
}

pub async fn insert(conn: &mut PgConnection, draft: &Draft) -> Result<(), sqlx::Error> {
    sqlx::query("insert into drafts (course_id, outline, revision, updated_at) values ($1, $2, $3, $4)")
        .bind(draft.course)
        .bind(write_outline(&draft.outline))
        .bind(draft.revision)
        .bind(draft.updated_at)
        .execute(conn)
        .await?;
    Ok(())
}

pub async fn find(db: impl PgExecutor<'_>, course: CourseId) -> Result<Option<Draft>, sqlx::Error> {
    let row: Option<DraftRow> =
        sqlx::query_as("select course_id, outline, revision, updated_at from drafts where course_id = $1")
            .bind(course)
            .fetch_optional(db)
            .await?;
    row.map(DraftRow::draft).transpose()
}

/// The draft, held until the end of the transaction.
pub async fn lock(conn: &mut PgConnection, course: CourseId) -> Result<Option<Draft>, sqlx::Error> {
    let row: Option<DraftRow> = sqlx::query_as(
        "select course_id, outline, revision, updated_at from drafts where course_id = $1 for no key update",
    )
    .bind(course)
    .fetch_optional(conn)
    .await?;
    row.map(DraftRow::draft).transpose()
}

pub async fn update(conn: &mut PgConnection, draft: &Draft) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update drafts
         set outline = $2,
             revision = $3,
             updated_at = $4
         where course_id = $1",
    )
    .bind(draft.course)
    .bind(write_outline(&draft.outline))
    .bind(draft.revision)
    .bind(draft.updated_at)
    .execute(conn)
    .await?;
    Ok(())
}

/// The body of a lesson and the revision by which its editors know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LessonBody {
    pub content: Content,
    pub revision: i64,
}

#[derive(sqlx::FromRow)]
struct LessonRow {
    lesson_id: LessonId,
    content: Stored<ContentDocument>,
    revision: i64,
}

impl LessonRow {
    fn body(self) -> Result<(LessonId, LessonBody), sqlx::Error> {
        Ok((self.lesson_id, LessonBody { content: read_content(self.content)?, revision: self.revision }))
    }
}

pub async fn lesson(
    db: impl PgExecutor<'_>,
    course: CourseId,
    lesson: LessonId,
) -> Result<Option<LessonBody>, sqlx::Error> {
    let row: Option<LessonRow> = sqlx::query_as(
        "select lesson_id, content, revision
         from draft_lessons
         where course_id = $1
           and lesson_id = $2",
    )
    .bind(course)
    .bind(lesson)
    .fetch_optional(db)
    .await?;
    Ok(row.map(LessonRow::body).transpose()?.map(|(_, body)| body))
}

pub async fn lessons(db: impl PgExecutor<'_>, course: CourseId) -> Result<BTreeMap<LessonId, LessonBody>, sqlx::Error> {
    let rows: Vec<LessonRow> =
        sqlx::query_as("select lesson_id, content, revision from draft_lessons where course_id = $1")
            .bind(course)
            .fetch_all(db)
            .await?;
    rows.into_iter().map(LessonRow::body).collect()
}

/// The lessons' revisions alone.
pub async fn lesson_revisions(
    db: impl PgExecutor<'_>,
    course: CourseId,
) -> Result<BTreeMap<LessonId, i64>, sqlx::Error> {
    let rows: Vec<(LessonId, i64)> =
        sqlx::query_as("select lesson_id, revision from draft_lessons where course_id = $1")
            .bind(course)
            .fetch_all(db)
            .await?;
    Ok(rows.into_iter().collect())
}

/// Writes a lesson's body; the revision is the draft's, which grows by each change.
pub async fn save_lesson(
    conn: &mut PgConnection,
    course: CourseId,
    lesson: LessonId,
    body: &LessonBody,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into draft_lessons (course_id, lesson_id, content, revision)
         values ($1, $2, $3, $4)
         on conflict on constraint draft_lessons_pk do update
         set content = excluded.content,
             revision = excluded.revision",
    )
    .bind(course)
    .bind(lesson)
    .bind(write_content(&body.content))
    .bind(body.revision)
    .execute(conn)
    .await?;
    Ok(())
}

/// Deletes the bodies of every lesson that the outline does not have any more.
pub async fn keep_lessons(conn: &mut PgConnection, course: CourseId, kept: &[LessonId]) -> Result<(), sqlx::Error> {
    sqlx::query(
        "delete from draft_lessons
         where course_id = $1
           and lesson_id <> all ($2)",
    )
    .bind(course)
    .bind(kept)
    .execute(conn)
    .await?;
    Ok(())
}
