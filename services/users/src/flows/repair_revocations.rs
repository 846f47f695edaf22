//! The clockwork publishes again which sessions ended: Redis may have been down, or may have forgotten.

use super::revocation::{publish_one, remembered};
use crate::{app::App, error::Result, store};

pub async fn run(app: &App) -> Result<()> {
    let now = app.clock.now();
    let mut conn = app.db.acquire().await?;
    let ended = store::sessions::ended_since(&mut conn, now - remembered(app)).await?;
    drop(conn);
    for (session, ended_at) in ended {
        publish_one(app, session, ended_at).await.map_err(anyhow::Error::new)?;
    }
    Ok(())
}
