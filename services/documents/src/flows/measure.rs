//! Says what waits for a printer, and what for the Document System or people, for the dashboards.

use std::time::Duration;

use crate::{
    App, Error,
    store::{self, cases, certificates},
};

/// Sets `certificates_unprinted`, `certificates_unprinted_oldest_seconds` and `verification_cases_open{state}`.
pub async fn run(app: &App) -> Result<(), Error> {
    let conn = &mut *app.db.acquire().await?;
    let (unprinted, oldest) = certificates::unprinted_yet(conn).await?;
    let (checking, in_review) = cases::open(conn).await?;
    let age = oldest.and_then(|oldest| Duration::try_from(app.clock.now() - oldest).ok()).unwrap_or_default();
    metrics::gauge!("certificates_unprinted").set(whole(unprinted));
    metrics::gauge!("certificates_unprinted_oldest_seconds").set(age);
    metrics::gauge!("verification_cases_open", "state" => "checking").set(whole(checking));
    metrics::gauge!("verification_cases_open", "state" => "in_review").set(whole(in_review));
    Ok(())
}

/// Sets `doomed_objects_overdue`.
pub async fn overdue(app: &App) -> Result<(), Error> {
    let overdue = store::deletions::overdue(&mut *app.db.acquire().await?, app.clock.now()).await?;
    metrics::gauge!("doomed_objects_overdue").set(whole(overdue));
    Ok(())
}

fn whole(count: i64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
