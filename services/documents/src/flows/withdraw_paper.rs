//! Take a paper back before it is decided.

use super::change_case::{self, Change};
use crate::{
    App, Error,
    domain::{
        Case, Refusal,
        id::{CaseId, UserId},
    },
};

/// Withdraws a case of this tutor. Twice is the same as once.
pub async fn run(app: &App, actor: &str, tutor: UserId, id: CaseId) -> Result<Case, Error> {
    let case = pg::transaction(&app.db, async |conn| {
        let case = change_case::locked(conn, id).await?;
        if case.tutor != tutor {
            return Err(Refusal::CaseNotFound.into());
        }
        let version = case.version;
        let change = Change::new(app, "withdrawn", actor, "");
        let case = case.withdraw(change.now)?;
        if case.version > version {
            change_case::save(conn, app, &case, change).await?;
        }
        Ok::<_, Error>(case)
    })
    .await?;
    change_case::count(&case);
    Ok(case)
}
