//! Stops offering a run. Its learners keep what they have.

use super::change_run;
use crate::{
    app::App,
    domain::{id::RunId, run::Run},
    error::Result,
};

pub async fn run(app: &App, id: RunId) -> Result<Run> {
    let now = app.clock.now();
    change_run::run(app, id, |run| Ok(run.close(now))).await
}
