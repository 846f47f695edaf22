//! Says what waits for a provider, for the dashboards and for whoever is woken by it.

use std::time::Duration;

use time::OffsetDateTime;

use crate::{
    app::App,
    error::Result,
    store::{self, waiting::Waiting},
};

/// Sets `payment_attempts_open{state}`, `payments_notified_oldest_seconds`, `payments_unknown_oldest_seconds`,
/// `refunds_waiting` and `refunds_waiting_oldest_seconds`. Every replica says the same.
pub async fn run(app: &App) -> Result<()> {
    let now = app.clock.now();
    let conn = &mut *app.db.acquire().await?;
    let Waiting { created, pending, unknown, unknown_since, refunds, refunds_since } =
        store::waiting::waiting(conn).await?;
    let notified_since = store::waiting::notified_since(conn).await?;
    for (state, count) in [("created", created), ("pending", pending), ("unknown", unknown)] {
        metrics::gauge!("payment_attempts_open", "state" => state).set(whole(count));
    }
    metrics::gauge!("payments_unknown_oldest_seconds").set(age(unknown_since, now));
    metrics::gauge!("payments_notified_oldest_seconds").set(age(notified_since, now));
    metrics::gauge!("refunds_waiting").set(whole(refunds));
    metrics::gauge!("refunds_waiting_oldest_seconds").set(age(refunds_since, now));
    Ok(())
}

fn whole(count: i64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// Nothing waits: it is no time old.
fn age(since: Option<OffsetDateTime>, now: OffsetDateTime) -> Duration {
    since.and_then(|since| Duration::try_from(now - since).ok()).unwrap_or_default()
}
