//! The clockwork: makes room ahead, drops what is old, measures. Each calls a flow.

use std::{sync::Arc, time::Duration};

use chassis::Runtime;

use crate::{app::App, flows};

/// Starts everything.
pub fn start(runtime: &Runtime, app: &Arc<App>) {
    let (ahead, old) = (Arc::clone(app), Arc::clone(app));
    runtime.job("make-room", Duration::from_secs(60 * 60), move || {
        let app = Arc::clone(&ahead);
        async move { flows::make_room(&app, flows::ahead(app.clock.now())).await }
    });
    runtime.job("drop-old", Duration::from_secs(60 * 60), move || {
        let app = Arc::clone(&old);
        async move { flows::drop_old(&app).await.map(drop) }
    });
}
