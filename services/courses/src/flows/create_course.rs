//! Makes a course with an empty draft.

use pg::{Claim, Idempotent};

use crate::{
    app::App,
    domain::{
        Refusal,
        course::{Course, CoursePage, CourseState},
        id::CourseId,
        outline::Outline,
    },
    error::{Error, Result},
    store::{courses, drafts},
};

pub async fn run(app: &App, key: Option<&Idempotent>, page: &CoursePage) -> Result<Course> {
    let now = app.clock.now();
    pg::transaction(&app.db, async |conn| {
        if let Some(key) = key
            && let Claim::Replay(made) = key.claim(conn, now).await?
        {
            let course = courses::find(&mut *conn, CourseId::from_uuid(made)).await?;
            return Ok::<_, Error>(course.ok_or(Refusal::CourseNotFound)?);
        }
        let course = Course {
            id: CourseId::new(now),
            state: CourseState::Draft,
            page: page.clone(),
            latest_version: 0,
            revision: 1,
            created_at: now,
            updated_at: now,
            published_at: None,
        };
        courses::insert(conn, &course).await?;
        let draft = drafts::Draft { course: course.id, outline: Outline::default(), revision: 1, updated_at: now };
        drafts::insert(conn, &draft).await?;
        if let Some(key) = key {
            key.record(conn, course.id.uuid(), now).await?;
        }
        Ok(course)
    })
    .await
}
