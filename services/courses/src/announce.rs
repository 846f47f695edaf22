//! What courses announces, in the transaction that causes it.

use bus::{By, Event, announce};
use proto::lyceum::events::v1::{
    CourseCompleted, EnrolmentEnded, EnrolmentStarted, LessonCompleted, PublishedLesson, RunPublished,
};
use sqlx::PgConnection;

use crate::domain::{
    course::Course,
    enrolment::{Cause, Enrolment},
    id::LessonId,
    outline::Outline,
    run::Run,
};

/// `outline` is that of the version which the run shows now.
pub async fn run_published(
    conn: &mut PgConnection,
    run: &Run,
    course: &Course,
    outline: &Outline,
    by: By<'_>,
) -> Result<(), sqlx::Error> {
    let lessons = outline.lessons().map(|lesson| PublishedLesson {
        lesson_id: lesson.id.to_string(),
        title: lesson.title.to_string(),
        required: lesson.required,
    });
    let payload = RunPublished {
        course_id: run.course.to_string(),
        run_id: run.id.to_string(),
        version: run.version,
        title: course.page.title.to_string(),
        language: course.page.language.as_str().to_owned(),
        lessons: lessons.collect(),
    };
    announce(conn, Event::new(&payload, "run", run.id.uuid(), run.revision), by).await
}

pub async fn enrolment_started(conn: &mut PgConnection, enrolment: &Enrolment, by: By<'_>) -> Result<(), sqlx::Error> {
    let payload = EnrolmentStarted {
        enrolment_id: enrolment.id.to_string(),
        learner_id: enrolment.learner.to_string(),
        course_id: enrolment.course.to_string(),
        run_id: enrolment.run.to_string(),
        entitlement_id: enrolment.entitlement.map(|id| id.to_string()).unwrap_or_default(),
    };
    announce(conn, about(enrolment, &payload), by).await
}

pub async fn enrolment_ended(
    conn: &mut PgConnection,
    enrolment: &Enrolment,
    cause: Cause,
    by: By<'_>,
) -> Result<(), sqlx::Error> {
    let payload = EnrolmentEnded {
        enrolment_id: enrolment.id.to_string(),
        learner_id: enrolment.learner.to_string(),
        course_id: enrolment.course.to_string(),
        run_id: enrolment.run.to_string(),
        reason: cause.as_str().to_owned(),
    };
    announce(conn, about(enrolment, &payload), by).await
}

pub async fn lesson_completed(
    conn: &mut PgConnection,
    enrolment: &Enrolment,
    lesson: LessonId,
    by: By<'_>,
) -> Result<(), sqlx::Error> {
    let payload = LessonCompleted {
        enrolment_id: enrolment.id.to_string(),
        learner_id: enrolment.learner.to_string(),
        course_id: enrolment.course.to_string(),
        run_id: enrolment.run.to_string(),
        lesson_id: lesson.to_string(),
    };
    announce(conn, about(enrolment, &payload), by).await
}

pub async fn course_completed(
    conn: &mut PgConnection,
    enrolment: &Enrolment,
    version: i32,
    by: By<'_>,
) -> Result<(), sqlx::Error> {
    let payload = CourseCompleted {
        enrolment_id: enrolment.id.to_string(),
        learner_id: enrolment.learner.to_string(),
        course_id: enrolment.course.to_string(),
        run_id: enrolment.run.to_string(),
        version,
        completed_at: enrolment.completed_at.map(Into::into),
    };
    announce(conn, about(enrolment, &payload), by).await
}

fn about(enrolment: &Enrolment, payload: &impl proto::Name) -> Event {
    Event::new(payload, "enrolment", enrolment.id.uuid(), enrolment.revision)
}
