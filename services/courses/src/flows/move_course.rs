//! Takes a course out of the catalogue, puts it away, or takes it back. Listing it is `publish_course`.

use crate::{
    app::App,
    domain::{Refusal, course::Course, id::CourseId},
    error::{Error, Result},
    store::courses,
};

/// Where to move a course.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Move {
    Unpublish,
    Archive,
    Restore,
}

pub async fn run(app: &App, id: CourseId, how: Move) -> Result<Course> {
    let now = app.clock.now();
    pg::transaction(&app.db, async |conn| {
        let course = courses::lock(conn, id).await?.ok_or(Refusal::CourseNotFound)?;
        let state = match how {
            Move::Unpublish => course.state.unpublish()?,
            Move::Archive => course.state.archive(),
            Move::Restore => course.state.restore(),
        };
        let course = course.moved_to(state, now);
        courses::update(conn, &course).await?;
        Ok::<_, Error>(course)
    })
    .await
}
