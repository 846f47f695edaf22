//! Take a case from the Document System to people.

use super::change_case::{self, Change};
use crate::{
    App, Error,
    domain::{Case, case::State, id::CaseId},
};

/// Somebody does not want to wait for the Document System.
pub async fn run(app: &App, actor: &str, id: CaseId) -> Result<Case, Error> {
    escalate(app, actor, id, "", |_| true).await
}

/// The Document System was waited for long enough.
pub async fn give_up_waiting(app: &App, actor: &str, id: CaseId) -> Result<Case, Error> {
    let now = app.clock.now();
    let overdue = |state| matches!(state, State::Checking { deadline } if deadline <= now);
    escalate(app, actor, id, "The Document System did not answer in time.", overdue).await
}

async fn escalate(
    app: &App,
    actor: &str,
    id: CaseId,
    detail: &str,
    wanted: impl Fn(State) -> bool + Clone,
) -> Result<Case, Error> {
    let case = pg::transaction(&app.db, async |conn| {
        let case = change_case::locked(conn, id).await?;
        if !wanted(case.state) {
            return Ok(case);
        }
        let version = case.version;
        let change = Change::new(app, "escalated", actor, detail);
        let case = case.escalate(change.now)?;
        if case.version > version {
            change_case::save(conn, app, &case, change).await?;
            change_case::count(&case);
        }
        Ok::<_, Error>(case)
    })
    .await?;
    Ok(case)
}
