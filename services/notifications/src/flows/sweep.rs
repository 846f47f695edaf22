//! Forgets what is old: events that were heard, deliveries that are over with their tries, and which digests were made.

use time::Duration;

use crate::app::App;
use crate::error::Error;
use crate::store;

/// For how long support can see whether a mail was sent.
const DELIVERIES_KEPT: Duration = Duration::days(90);

/// How many deliveries one statement deletes.
const SWEPT_AT_ONCE: i64 = 1_000;

pub async fn run(app: &App) -> Result<(), Error> {
    let now = app.clock.now();
    bus::sweep(&app.db, now).await?;
    let mut conn = app.db.acquire().await?;
    while store::deliveries::sweep(&mut conn, now - DELIVERIES_KEPT, SWEPT_AT_ONCE).await? > 0 {}
    while store::digests::sweep(&mut conn, now - DELIVERIES_KEPT, SWEPT_AT_ONCE).await? > 0 {}
    Ok(())
}
