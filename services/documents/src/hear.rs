//! What is done about the events of other services. Each handler runs in the transaction of its event's inbox row.

use std::sync::Arc;

use bus::{Amqp, Consumer, Envelope, Failure, field};
use proto::lyceum::events::v1::{CourseCompleted, ProfileChanged, RunPublished, UserErased};
use sqlx::PgConnection;

use crate::{
    App,
    domain::certificate::Completion,
    flows::{erase_owner, erase_tutor, issue_certificate},
};

/// One queue for all replicas.
pub fn consumer(name: &'static str, app: &Arc<App>, amqp: Amqp) -> Consumer {
    Consumer::new(name, app.db.clone(), amqp, app.clock.clone())
        .on_personal::<ProfileChanged>(profile_changed)
        .on::<RunPublished>(run_published)
        .on::<CourseCompleted>(bus::with(app, course_completed))
        .on::<UserErased>(bus::with(app, user_erased))
}

/// Keeps the name.
async fn profile_changed(conn: &mut PgConnection, envelope: &Envelope, event: ProfileChanged) -> Result<(), Failure> {
    let user = field::id("user_id", &event.user_id)?;
    let language = field::parse("language", &event.language)?;
    Ok(issue_certificate::keep_holder(conn, user, &event.display_name, language, envelope.aggregate_version).await?)
}

/// Keeps the title.
async fn run_published(conn: &mut PgConnection, envelope: &Envelope, event: RunPublished) -> Result<(), Failure> {
    let run = field::id("run_id", &event.run_id)?;
    Ok(issue_certificate::keep_run(conn, run, &event.title, &event.language, envelope.aggregate_version).await?)
}

/// Issues the certificate.
async fn course_completed(
    app: &Arc<App>,
    conn: &mut PgConnection,
    _: &Envelope,
    event: CourseCompleted,
) -> Result<(), Failure> {
    let completion = Completion {
        enrolment: field::id("enrolment_id", &event.enrolment_id)?,
        learner: field::id("learner_id", &event.learner_id)?,
        course: field::id("course_id", &event.course_id)?,
        run: field::id("run_id", &event.run_id)?,
        course_version: event.version,
        completed_at: field::instant("completed_at", event.completed_at)?,
    };
    Ok(issue_certificate::run(app, conn, &completion).await?)
}

/// An erased person leaves files of courses behind, and nothing else.
async fn user_erased(
    app: &Arc<App>,
    conn: &mut PgConnection,
    envelope: &Envelope,
    event: UserErased,
) -> Result<(), Failure> {
    let (user, now) = (field::id("user_id", &event.user_id)?, app.clock.now());
    issue_certificate::erase_holder(conn, user, envelope.aggregate_version, now).await?;
    erase_tutor::run(conn, user, now).await?;
    Ok(erase_owner::run(conn, user, now).await?)
}
