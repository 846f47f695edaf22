//! Counts days in the zone that is configured, as after it was changed.

use crate::app::App;
use crate::error::Error;
use crate::store;

/// Moves every day to the configured zone; nothing happens where that is so already. Who hears waits for it meanwhile.
pub async fn run(app: &App) -> Result<(), Error> {
    pg::transaction(&app.db, async |conn| {
        store::progress::lock_to_recount(conn).await?;
        Ok(store::rollups::move_to_zone(conn, &app.zone).await?)
    })
    .await
}
