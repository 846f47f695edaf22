//! What this service does about each event that it hears.

use bus::{Envelope, Failure, field::id};
use proto::lyceum::events::v1::{RunPublished, UserErased};
use sqlx::PgConnection;
use values::SharedClock;

use crate::{
    flows,
    store::{self, run::Run},
};

/// A run can be sold from now on, or has another title.
pub async fn on_run_published(
    conn: &mut PgConnection,
    envelope: &Envelope,
    event: RunPublished,
) -> Result<(), Failure> {
    let (run, course) = (id("run_id", &event.run_id)?, id("course_id", &event.course_id)?);
    let run = Run { id: run, course, title: event.title, language: event.language };
    Ok(store::run::keep(conn, &run, envelope.aggregate_version).await?)
}

/// A person's data has to be removed.
pub async fn on_user_erased(
    clock: &SharedClock,
    conn: &mut PgConnection,
    _: &Envelope,
    event: UserErased,
) -> Result<(), Failure> {
    Ok(flows::erase_buyer::run(conn, id("user_id", &event.user_id)?, clock.now()).await?)
}
