//! Takes a version of the draft and lists the course in the catalogue.

use bus::By;

use crate::{
    app::App,
    domain::{
        Refusal,
        course::{Course, CourseState, check_etag},
        id::CourseId,
    },
    error::{Error, Result},
    store::{courses, drafts, versions, versions::Version},
};

pub async fn run(app: &App, actor: &str, id: CourseId, etag: Option<i64>, note: &str) -> Result<Version> {
    let by = By { actor, now: app.clock.now() };
    pg::transaction(&app.db, async |conn| {
        // The draft first, as every edit of it does, so that nobody edits what is being taken.
        let draft = drafts::lock(conn, id).await?.ok_or(Refusal::CourseNotFound)?;
        let course = courses::lock(conn, id).await?.ok_or(Refusal::CourseNotFound)?;
        let state = course.state.publish()?;
        check_etag(etag, draft.revision)?;
        let latest = versions::find(&mut *conn, id, course.latest_version).await?;
        let unchanged = latest.filter(|version| version.draft_revision == draft.revision);
        let version = match unchanged {
            Some(version) => version,
            None => {
                draft.outline.publishable()?;
                let version = Version {
                    course: id,
                    version: course.latest_version + 1,
                    draft_revision: draft.revision,
                    note: note.to_owned(),
                    lesson_count: i32::try_from(draft.outline.lessons().count()).unwrap_or(i32::MAX),
                    published_at: by.now,
                    published_by: by.actor.to_owned(),
                };
                versions::insert(conn, &version, &draft.outline).await?;
                version
            }
        };
        list(conn, course, state, version.version, by).await?;
        Ok::<_, Error>(version)
    })
    .await
}

async fn list(
    conn: &mut sqlx::PgConnection,
    course: Course,
    state: CourseState,
    version: i32,
    by: By<'_>,
) -> Result<()> {
    let before = course.clone();
    let listed = Course { latest_version: version, ..course }.moved_to(state, by.now);
    if listed != before {
        courses::update(conn, &listed).await?;
    }
    Ok(())
}
