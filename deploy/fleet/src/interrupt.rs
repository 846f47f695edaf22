//! Ctrl-C, and the signals that ask for the same.

use anyhow::Result;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Counts how often the person asked to stop.
#[derive(Clone, Debug)]
pub(crate) struct Interrupt {
    count: watch::Receiver<u32>,
}

/// What work ends with when Ctrl-C cut it short.
#[derive(Debug)]
pub(crate) struct Interrupted;

impl std::fmt::Display for Interrupted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("interrupted")
    }
}

impl std::error::Error for Interrupted {}

impl Interrupt {
    /// Listens from now on. The listeners live as long as the set that is handed back.
    pub(crate) fn listen() -> Result<(Self, JoinSet<()>)> {
        let (sender, count) = watch::channel(0);
        let mut listeners = JoinSet::new();
        for kind in [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()] {
            let (mut arrivals, sender) = (signal(kind)?, sender.clone());
            listeners.spawn(async move {
                while arrivals.recv().await.is_some() {
                    sender.send_modify(|count| *count += 1);
                }
            });
        }
        Ok((Self { count }, listeners))
    }

    /// Comes back when somebody has asked at least so many times.
    pub(crate) async fn asked(&self, times: u32) {
        let mut count = self.count.clone();
        if count.wait_for(|count| *count >= times).await.is_err() {
            // The listeners are gone, which happens only at the end of the program.
            std::future::pending::<()>().await;
        }
    }

    /// Does the work unless somebody asks to stop first.
    pub(crate) async fn guard<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::select! {
            biased;
            () = self.asked(1) => Err(Interrupted.into()),
            result = work => result,
        }
    }
}
