//! Says how much mail waits, for the dashboards.

use std::time::Duration;

use time::OffsetDateTime;

use crate::app::App;
use crate::error::Error;
use crate::store;

/// Sets the gauges `mail_waiting`, `mail_waiting_oldest_seconds` (whatever it waits for: quiet hours, the next try, a confirmed
/// address) and `mail_overdue_oldest_seconds` (only of what is due and nobody has begun).
pub async fn run(app: &App) -> Result<(), Error> {
    let mut conn = app.db.acquire().await?;
    let (waiting, oldest) = store::deliveries::waiting(&mut conn).await?;
    let now = app.clock.now();
    let due = store::deliveries::due_since(&mut conn, now).await?;
    let age = |since: Option<OffsetDateTime>| {
        since.and_then(|since| Duration::try_from(now - since).ok()).unwrap_or_default()
    };
    metrics::gauge!("mail_waiting").set(u32::try_from(waiting).unwrap_or(u32::MAX));
    metrics::gauge!("mail_waiting_oldest_seconds").set(age(oldest));
    metrics::gauge!("mail_overdue_oldest_seconds").set(age(due));
    Ok(())
}
