//! Published versions: never changed, so that whatever was read of one may be kept.

use sqlx::{PgConnection, PgExecutor};
use time::OffsetDateTime;
use values::Record;

use super::document::{ContentDocument, OutlineDocument, Stored, read_content, read_outline, write_outline};
use crate::domain::{
    content::Content,
    id::{CourseId, LessonId},
    outline::Outline,
};

/// What editors see of a version.
#[derive(Debug, Clone, PartialEq, Eq, Record)]
pub struct Version {
    #[record(name = "course_id")]
    pub course: CourseId,
    pub version: i32,
    /// The draft's revision that was taken.
    pub draft_revision: i64,
    pub note: String,
    pub lesson_count: i32,
    pub published_at: OffsetDateTime,
    pub published_by: String,
}

/// Freezes the draft: its outline as given and the lessons' bodies as they stand in the draft.
pub async fn insert(conn: &mut PgConnection, version: &Version, outline: &Outline) -> Result<(), sqlx::Error> {
    pg::row(version).and("outline", write_outline(outline)).insert(conn, "versions").await?;
    sqlx::query(
        "insert into version_lessons (course_id, version, lesson_id, content)
         select course_id, $2, lesson_id, content
         from draft_lessons
         where course_id = $1",
    )
    .bind(version.course)
    .bind(version.version)
    .execute(conn)
    .await?;
    Ok(())
}

pub async fn find(db: impl PgExecutor<'_>, course: CourseId, version: i32) -> Result<Option<Version>, sqlx::Error> {
    sqlx::query_as(pg::sql!("select ", Version, " from versions where course_id = $1 and version = $2"))
        .bind(course)
        .bind(version)
        .fetch_optional(db)
        .await
}

/// The versions of a course, the newest first.
pub async fn list(
    db: impl PgExecutor<'_>,
    course: CourseId,
    before: Option<i32>,
    limit: i64,
) -> Result<Vec<Version>, sqlx::Error> {
    sqlx::query_as(pg::sql!(
        "select ",
        Version,
        " from versions
         where course_id = $1
           and version < $2
         order by version desc
         limit $3"
    ))
    .bind(course)
    .bind(before.unwrap_or(i32::MAX))
    .bind(limit)
    .fetch_all(db)
    .await
}

pub async fn outline(db: impl PgExecutor<'_>, course: CourseId, version: i32) -> Result<Option<Outline>, sqlx::Error> {
    let document: Option<Stored<OutlineDocument>> =
        sqlx::query_scalar("select outline from versions where course_id = $1 and version = $2")
            .bind(course)
            .bind(version)
            .fetch_optional(db)
            .await?;
    document.map(read_outline).transpose()
}

pub async fn content(
    db: impl PgExecutor<'_>,
    course: CourseId,
    version: i32,
    lesson: LessonId,
) -> Result<Option<Content>, sqlx::Error> {
    let document: Option<Stored<ContentDocument>> = sqlx::query_scalar(
        "select content
         from version_lessons
         where course_id = $1
           and version = $2
           and lesson_id = $3",
    )
    .bind(course)
    .bind(version)
    .bind(lesson)
    .fetch_optional(db)
    .await?;
    document.map(read_content).transpose()
}
