//! Rewrites a course's page.

use crate::{
    app::App,
    domain::{
        Refusal,
        course::{Course, CoursePagePatch, check_etag},
        id::CourseId,
    },
    error::{Error, Result},
    store::courses,
};

pub async fn run(app: &App, id: CourseId, etag: Option<i64>, changes: CoursePagePatch) -> Result<Course> {
    let now = app.clock.now();
    pg::transaction(&app.db, async |conn| {
        let course = courses::lock(conn, id).await?.ok_or(Refusal::CourseNotFound)?;
        check_etag(etag, course.revision)?;
        let page = course.page.clone().with(changes.clone());
        if page == course.page {
            return Ok::<_, Error>(course);
        }
        let course = course.rewrite(page, now)?;
        courses::update(conn, &course).await?;
        Ok(course)
    })
    .await
}
