//! What runs in the background beside the table of jobs: the sender, which new mail wakes, and the first copy of profiles.

use std::{sync::Arc, time::Duration};

use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::{app::App, flows, mail, store::deliveries::BELL, users::Users};

/// How long what rings no bell here waits at most: what is tried again, and what another replica left behind.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How long to wait before the users service is asked again for its profiles.
const COPY_PAUSE: Duration = Duration::from_secs(10);

/// Sends what is due until told to stop, then finishes what it has begun.
///
/// A slow recipient holds up one of the places, not the others: whenever one is free, the next mail is claimed. Each try is a
/// task of its own, because one that held a connection and was not polled could keep the next claim waiting for ever.
pub async fn send(app: Arc<App>, stop: CancellationToken) {
    let mut bell = BELL.listen();
    let mut at_work = JoinSet::new();
    loop {
        let free = mail::CONCURRENCY.saturating_sub(at_work.len());
        let claimed = if free > 0 { flows::send::claim(&app, free).await } else { Ok(Vec::new()) };
        match claimed {
            Ok(claimed) => {
                for claimed in claimed {
                    at_work.spawn(flows::send::deliver(Arc::clone(&app), claimed));
                }
            }
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "Mail cannot be claimed; it waits in its queue."
                );
            }
        }
        tokio::select! {
            () = stop.cancelled() => break,
            Some(tried) = at_work.join_next(), if !at_work.is_empty() => report(tried),
            () = bell.rings(LOOK_EVERY) => {}
        }
    }
    while let Some(tried) = at_work.join_next().await {
        report(tried);
    }
}

/// A try that panicked is taken up again after its lease.
fn report(tried: Result<(), JoinError>) {
    if let Err(error) = tried {
        tracing::error!(error = &error as &dyn std::error::Error, "A mail could not be tried.");
    }
}

/// Copies profiles into a database that has none, as after a loss. A fresh installation has none to copy.
pub async fn copy_recipients(app: Arc<App>, users: Users) {
    let mut needed = None;
    loop {
        let copied = async {
            // Asked once: the first event that comes in between must not hide that the others are missing.
            if needed.is_none() {
                needed = Some(flows::copy_recipients::knows_nobody(&app).await?);
            }
            if needed == Some(true) { flows::copy_recipients::run(&app, &users).await } else { Ok(0) }
        };
        match copied.await {
            Ok(0) => return,
            Ok(copied) => return tracing::info!("{copied} profiles were copied from the users service."),
            Err(error) => tracing::info!(error = format!("{error:#}"), "The profiles are copied later."),
        }
        tokio::time::sleep(COPY_PAUSE).await;
    }
}
