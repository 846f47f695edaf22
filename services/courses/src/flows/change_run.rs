//! Changes a run by a rule of the domain: locks it, decides, and saves what changed.

use crate::{
    app::App,
    domain::{Refusal, id::RunId, run::Run},
    error::{Error, Result},
    store::runs,
};

pub(super) async fn run(app: &App, id: RunId, change: impl Fn(Run) -> Result<Run>) -> Result<Run> {
    let change = &change;
    pg::transaction(&app.db, async |conn| {
        let before = runs::lock(conn, id).await?.ok_or(Refusal::RunNotFound)?;
        let run = change(before.clone())?;
        if run != before {
            runs::update(conn, &run).await?;
        }
        Ok::<_, Error>(run)
    })
    .await
}
