//! Notice that a verified paper ran out, or soon will.

use crate::{
    App, Error, announce,
    domain::{
        case::{self, Case, State},
        id::CaseId,
    },
    store,
};
use sqlx::PgConnection;

use super::change_case::{self, Change};

/// Expires a case whose paper ran out, or reminds its tutor once where that is near. A paper that was renewed runs out
/// in silence.
pub async fn run(app: &App, actor: &str, id: CaseId) -> Result<(), Error> {
    pg::transaction(&app.db, async |conn| {
        let case = change_case::locked(conn, id).await?;
        let change = Change::new(app, "expired", actor, "");
        if let Some(expired) = case.clone().expire(change.today, change.now) {
            let renewed = renewed(conn, &case).await?;
            change_case::save(conn, app, &expired, change).await?;
            change_case::count(&expired);
            if !renewed {
                announce::document_expired(conn, &expired, change.by()).await?;
            }
            return Ok(());
        }
        let State::Verified { until: Some(until) } = case.state else { return Ok(()) };
        let Some(days) = case::reminder(until, change.today) else { return Ok(()) };
        if renewed(conn, &case).await? || !store::cases::remind(conn, id, days, change.now).await? {
            return Ok(());
        }
        // The events about a case are told apart by its version, so a reminder is a change too.
        let case = Case { version: case.version + 1, ..case };
        store::cases::update(conn, &case).await?;
        let detail = days.to_string();
        change_case::note(conn, id, Change { what: "reminded", detail: &detail, ..change }).await?;
        announce::document_expiring(conn, &case, until, days, change.by()).await?;
        Ok::<_, Error>(())
    })
    .await
}

/// Whether the tutor has another verified paper of the kind that lasts longer.
async fn renewed(conn: &mut PgConnection, case: &Case) -> Result<bool, sqlx::Error> {
    let papers = store::cases::verified_papers(conn, case.tutor).await?;
    let until = case.until();
    Ok(papers.iter().any(|paper| paper.kind == case.kind && (paper.until.is_none() || paper.until > until)))
}
