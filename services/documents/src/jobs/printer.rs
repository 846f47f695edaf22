//! The printer at work: woken by new certificates and by erasures.

use std::{sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;

use crate::{App, Error, flows::print_certificate, store::certificates::BELL};

/// How long what rings no bell here waits at most: what is tried again, and what another replica left behind.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Prints what is due until told to stop, then finishes what it has begun.
pub async fn print(app: Arc<App>, stop: CancellationToken) {
    let mut bell = BELL.listen();
    while !stop.is_cancelled() {
        if let Err(error) = print_all(&app, &stop).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "Certificates cannot be printed; they wait.");
        }
        tokio::select! {
            () = stop.cancelled() => break,
            () = bell.rings(LOOK_EVERY) => {}
        }
    }
}

async fn print_all(app: &App, stop: &CancellationToken) -> Result<(), Error> {
    while !stop.is_cancelled() && print_certificate::run(app).await? {}
    print_certificate::unprint(app).await
}
