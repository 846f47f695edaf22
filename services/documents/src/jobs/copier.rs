//! Fills a database that has no copies of names or titles, as after a loss. A fresh installation has nothing to copy.

use std::{sync::Arc, time::Duration};

use crate::{
    App,
    flows::copy_neighbours::{self, Copied},
    neighbours::Neighbours,
};

/// How long to wait before the neighbours are asked again.
const PAUSE: Duration = Duration::from_secs(10);

/// Copies once, as soon as the neighbours answer, if something was missing at the start.
pub async fn copy(app: Arc<App>, neighbours: Neighbours) {
    let mut needed = None;
    loop {
        let copied = async {
            // Asked once: the first event that comes in between must not hide that the others are missing.
            if needed.is_none() {
                needed = Some(copy_neighbours::lacks_copies(&app).await?);
            }
            if needed != Some(true) {
                return Ok(Copied::default());
            }
            copy_neighbours::run(&app, &neighbours).await
        };
        match copied.await {
            Ok(Copied { profiles: 0, runs: 0 }) => return,
            Ok(Copied { profiles, runs }) => {
                return tracing::info!("{profiles} profiles and {runs} runs were copied from their owners.");
            }
            Err(error) => tracing::info!(error = format!("{error:#}"), "Names and titles are copied later."),
        }
        tokio::time::sleep(PAUSE).await;
    }
}
