//! Drafts: the outline in one row, which serialises the editors of a course, and the lessons' bodies in rows of their own.

use std::collections::BTreeMap;

use sqlx::{PgConnection, PgExecutor};
use time::OffsetDateTime;
use values::Record;

use super::document::{ContentDocument, OutlineDocument, write_content};
use crate::domain::{
    content::Content,
    id::{CourseId, LessonId},
    outline::Outline,
};

/// A draft without the lessons' bodies.
#[derive(Debug, Clone, PartialEq, Eq, Record)]
pub struct Draft {
    #[record(name = "course_id")]
    pub course: CourseId,
    #[record(with = OutlineDocument)]
    pub outline: Outline,
    /// Grows with each change of the outline or of any lesson.
    pub revision: i64,
    pub updated_at: OffsetDateTime,
}

pub async fn insert(conn: &mut PgConnection, draft: &Draft) -> Result<(), sqlx::Error> {
    pg::insert(conn, "drafts", draft).await
}

pub async fn find(db: impl PgExecutor<'_>, course: CourseId) -> Result<Option<Draft>, sqlx::Error> {
    sqlx::query_as(pg::sql!("select ", Draft, " from drafts where course_id = $1"))
        .bind(course)
        .fetch_optional(db)
        .await
}

/// The draft, locked until the end of the transaction.
pub async fn lock(conn: &mut PgConnection, course: CourseId) -> Result<Option<Draft>, sqlx::Error> {
    sqlx::query_as(pg::sql!("select ", Draft, " from drafts where course_id = $1 for no key update"))
        .bind(course)
        .fetch_optional(conn)
        .await
}

pub async fn update(conn: &mut PgConnection, draft: &Draft) -> Result<(), sqlx::Error> {
    pg::update(conn, "drafts", draft).await
}

/// The body of a lesson and the revision by which its editors know it.
#[derive(Debug, Clone, PartialEq, Eq, Record)]
pub struct LessonBody {
    #[record(with = ContentDocument)]
    pub content: Content,
    pub revision: i64,
}

#[derive(Record)]
struct LessonRow {
    lesson_id: LessonId,
    #[record(flatten)]
    body: LessonBody,
}

pub async fn lesson(
    db: impl PgExecutor<'_>,
    course: CourseId,
    lesson: LessonId,
) -> Result<Option<LessonBody>, sqlx::Error> {
    sqlx::query_as(pg::sql!("select ", LessonBody, " from draft_lessons where course_id = $1 and lesson_id = $2"))
        .bind(course)
        .bind(lesson)
        .fetch_optional(db)
        .await
}

pub async fn lessons(db: impl PgExecutor<'_>, course: CourseId) -> Result<BTreeMap<LessonId, LessonBody>, sqlx::Error> {
    let rows: Vec<LessonRow> =
        sqlx::query_as(pg::sql!("select ", LessonRow, " from draft_lessons where course_id = $1"))
            .bind(course)
            .fetch_all(db)
            .await?;
    Ok(rows.into_iter().map(|row| (row.lesson_id, row.body)).collect())
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
