//! What neighbours rebuild their copies from, in the order of the keys: everybody's, page by page.

use sqlx::PgExecutor;
use time::OffsetDateTime;
use uuid::Uuid;
use values::{Language, Record};

use super::document::OutlineDocument;
use crate::domain::{
    id::{CourseId, EnrolmentId, LearnerId, LessonId, RunId},
    outline::Outline,
};

/// A run as its learners see it.
#[derive(Debug, Clone, Record)]
pub struct ExportedRun {
    #[record(name = "course_id")]
    pub course: CourseId,
    #[record(name = "run_id")]
    pub run: RunId,
    /// Of the content.
    pub version: i32,
    /// Of the course.
    pub title: String,
    pub language: Language,
    #[record(with = OutlineDocument)]
    pub outline: Outline,
    /// At least the version of the run's latest event, below that of the next one.
    pub revision: i64,
}

/// The next runs that were published, closed ones too: what was learnt in them still counts.
pub async fn runs(db: impl PgExecutor<'_>, after: Option<RunId>, limit: i64) -> Result<Vec<ExportedRun>, sqlx::Error> {
    sqlx::query_as(
        "select r.course_id, r.run_id, r.version, c.title, c.language, v.outline, r.revision
         from runs r
         join courses c on c.course_id = r.course_id
         join versions v on v.course_id = r.course_id and v.version = r.version
         where r.run_id > $1
         order by r.run_id
         limit $2",
    )
    .bind(after.map_or(Uuid::nil(), |run| run.uuid()))
    .bind(limit)
    .fetch_all(db)
    .await
}

/// A lesson that was completed in an enrolment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Record)]
pub struct ExportedCompletion {
    #[record(name = "learner_id")]
    pub learner: LearnerId,
    #[record(name = "enrolment_id")]
    pub enrolment: EnrolmentId,
    #[record(name = "run_id")]
    pub run: RunId,
    #[record(name = "lesson_id")]
    pub lesson: LessonId,
    pub completed_at: OffsetDateTime,
}

/// Where an export of completions stands: the last one that was read.
pub type Completed = (LearnerId, EnrolmentId, LessonId);

/// The next completed lessons.
pub async fn completions(
    db: impl PgExecutor<'_>,
    after: Option<Completed>,
    limit: i64,
) -> Result<Vec<ExportedCompletion>, sqlx::Error> {
    let nil = (Uuid::nil(), Uuid::nil(), Uuid::nil());
    let (learner, enrolment, lesson) = after.map_or(nil, |(a, b, c)| (a.uuid(), b.uuid(), c.uuid()));
    sqlx::query_as(
        "select p.learner_id, p.enrolment_id, e.run_id, p.lesson_id, p.completed_at
         from lesson_progress p
         join enrolments e on e.learner_id = p.learner_id and e.enrolment_id = p.enrolment_id
         where p.completed_at is not null
           and (p.learner_id, p.enrolment_id, p.lesson_id) > ($1, $2, $3)
         order by p.learner_id, p.enrolment_id, p.lesson_id
         limit $4",
    )
    .bind(learner)
    .bind(enrolment)
    .bind(lesson)
    .bind(limit)
    .fetch_all(db)
    .await
}
