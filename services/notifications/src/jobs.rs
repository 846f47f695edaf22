//! The clockwork: the sender, which is woken by new mail, and what is done from time to time. Each calls a flow.

use std::{future::Future, sync::Arc, time::Duration};

use chassis::Runtime;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::{app::App, error::Error, flows, mail, store::doorbell::Doorbell, users::Users, watchers};

/// How long to wait before the users service is asked again for its profiles.
const COPY_PAUSE: Duration = Duration::from_secs(10);

/// Starts everything.
pub fn start(runtime: &Runtime, app: &Arc<App>, users: Users) {
    runtime.tasks.spawn("sender", send(Arc::clone(app), runtime.shutdown.clone()));
    runtime.tasks.spawn("feed-listener", watchers::listen(Arc::clone(app), runtime.shutdown.clone()));
    let stop = runtime.shutdown.clone();
    let copying = copy_recipients(Arc::clone(app), users);
    runtime.tasks.once("copy-recipients", async move {
        stop.run_until_cancelled(copying).await;
    });
    job(runtime, app, "digests", Duration::from_secs(15), |app| async move { flows::make_digests(&app).await });
    job(runtime, app, "sweep", Duration::from_secs(60 * 60), |app| async move { flows::sweep(&app).await });
    job(runtime, app, "measure", Duration::from_secs(15), |app| async move { flows::measure(&app).await });
}

fn job<F>(runtime: &Runtime, app: &Arc<App>, name: &'static str, every: Duration, work: fn(Arc<App>) -> F)
where
    F: Future<Output = Result<(), Error>> + Send + 'static,
{
    let app = Arc::clone(app);
    runtime.job(name, every, move || work(Arc::clone(&app)));
}

/// Sends what is due until told to stop, then finishes what it has begun.
///
/// A slow recipient holds up one of the places, not the others: whenever one is free, the next mail is claimed. Each try is a
/// task of its own, because one that held a connection and was not polled could keep the next claim waiting for ever.
pub async fn send(app: Arc<App>, stop: CancellationToken) {
    let mut bell = Doorbell::new(app.db.clone());
    let mut at_work = JoinSet::new();
    loop {
        let free = mail::CONCURRENCY.saturating_sub(at_work.len());
        let claimed = if free > 0 { flows::claim(&app, free).await } else { Ok(Vec::new()) };
        match claimed {
            Ok(claimed) => {
                for claimed in claimed {
                    at_work.spawn(flows::deliver(Arc::clone(&app), claimed));
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
            () = bell.rings() => {}
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
async fn copy_recipients(app: Arc<App>, users: Users) {
    let mut needed = None;
    loop {
        let copied = async {
            // Asked once: the first event that comes in between must not hide that the others are missing.
            if needed.is_none() {
                needed = Some(flows::knows_nobody(&app).await?);
            }
            if needed == Some(true) { flows::copy_recipients(&app, &users).await } else { Ok(0) }
        };
        match copied.await {
            Ok(0) => return,
            Ok(copied) => return tracing::info!("{copied} profiles were copied from the users service."),
            Err(error) => tracing::info!(error = format!("{error:#}"), "The profiles are copied later."),
        }
        tokio::time::sleep(COPY_PAUSE).await;
    }
}
