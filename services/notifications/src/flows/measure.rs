//! Says how much mail waits, for the dashboards.

use std::time::Duration;

use crate::app::App;
use crate::error::Error;
use crate::store;

/// Sets the gauges `mail_waiting` and `mail_waiting_oldest_seconds`.
pub async fn measure(app: &App) -> Result<(), Error> {
    let mut conn = app.db.acquire().await?;
    let (waiting, oldest) = store::deliveries::waiting(&mut conn).await?;
    let age = oldest.and_then(|oldest| Duration::try_from(app.clock.now() - oldest).ok()).unwrap_or_default();
    metrics::gauge!("mail_waiting").set(u32::try_from(waiting).unwrap_or(u32::MAX));
    metrics::gauge!("mail_waiting_oldest_seconds").set(age);
    Ok(())
}
