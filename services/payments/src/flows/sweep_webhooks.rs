//! Forgets what providers notified of when nobody needs it any more.

use crate::{app::App, error::Result, store};

/// Empties old bodies and deletes what was refused long ago.
pub async fn run(app: &App) -> Result<()> {
    let now = app.clock.now();
    let conn = &mut *app.db.acquire().await?;
    store::webhook::forget_old(conn, now).await?;
    store::webhook::delete_refused(conn, now).await?;
    Ok(())
}
