//! The clockwork deletes what nobody will ask for again.

use time::Duration;

use crate::{app::App, domain::throttle::LONGEST_MEMORY, error::Result, store};

/// Ended sessions are kept for a while, so that the end of each can be published again.
const SESSIONS_KEPT: Duration = Duration::days(7);
/// A used code is recognised when it comes again.
const CODES_KEPT: Duration = Duration::days(1);

pub async fn run(app: &App) -> Result<()> {
    let now = app.clock.now();
    let mut conn = app.db.acquire().await?;
    let sessions = store::sessions::sweep(&mut conn, now - SESSIONS_KEPT).await?;
    let codes = store::codes::sweep(&mut conn, now - CODES_KEPT).await?;
    let throttles = store::throttles::sweep(&mut conn, now - LONGEST_MEMORY).await?;
    drop(conn);
    tracing::debug!(sessions, codes, throttles, "Old sessions, codes and counters were deleted.");
    Ok(())
}
