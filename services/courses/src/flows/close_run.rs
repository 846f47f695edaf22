//! Stops offering a run. Its learners keep what they have.

use crate::{
    app::App,
    domain::{Refusal, id::RunId, run::Run},
    error::{Error, Result},
    store::runs,
};

pub async fn run(app: &App, id: RunId) -> Result<Run> {
    let now = app.clock.now();
    pg::transaction(&app.db, async |conn| {
        let run = runs::lock(conn, id).await?.ok_or(Refusal::RunNotFound)?.close(now);
        runs::update(conn, &run).await?;
        Ok::<_, Error>(run)
    })
    .await
}
