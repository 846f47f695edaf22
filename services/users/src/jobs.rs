//! The clockwork: what is done again and again. Each job calls a flow, and is safe to run on several replicas at once.

use std::{sync::Arc, time::Duration};

use chassis::Runtime;

use crate::{app::App, flows};

/// Starts the jobs.
pub fn start(runtime: &Runtime, app: &Arc<App>) {
    let every = |name, period, job: fn(Arc<App>) -> Running| {
        let app = Arc::clone(app);
        runtime.job(name, period, move || job(Arc::clone(&app)));
    };
    every("rotate-keys", Duration::from_secs(60), |app| Box::pin(async move { flows::rotate_keys(&app).await }));
    every("repair-revocations", Duration::from_secs(10), |app| {
        Box::pin(async move { flows::repair_revocations(&app).await })
    });
    every("sweep", Duration::from_secs(60 * 60), |app| Box::pin(async move { flows::sweep(&app).await }));
}

type Running = futures::future::BoxFuture<'static, Result<(), crate::error::Error>>;
