//! Decide about a paper that people review: approve it, reject it, or take a verification back.

use time::Date;

use super::change_case::{self, Change};
use crate::{
    App, Error,
    domain::{
        Case, Refusal,
        case::{Approval, State},
        id::{CaseId, UserId},
        paper::{self, Comment, Reason},
    },
    store::{self, cases::APPROVALS_PK},
};

/// Approves a case: the first time, the second time, or with another last day than the same person said before.
pub async fn approve(app: &App, actor: &str, reviewer: UserId, id: CaseId, until: Option<Date>) -> Result<Case, Error> {
    let detail = until.map(paper::day).unwrap_or_default();
    let case = pg::transaction(&app.db, async |conn| {
        let case = change_case::locked(conn, id).await?;
        let approval = Approval { by: reviewer, until };
        let change = Change::new(app, "approved", actor, &detail);
        let corrects = matches!(case.state, State::ApprovedOnce(first) if first.by == reviewer);
        let case = case.approve(approval, change.today, change.now)?;
        if corrects {
            store::cases::correct(conn, id, approval).await?;
        } else {
            store::cases::approve(conn, id, approval, change.now).await.map_err(approved_before)?;
        }
        change_case::save(conn, app, &case, change).await?;
        Ok::<_, Error>(case)
    })
    .await?;
    change_case::count(&case);
    Ok(case)
}

fn approved_before(error: sqlx::Error) -> Error {
    if pg::violated(&error, APPROVALS_PK) { Refusal::SameReviewer.into() } else { error.into() }
}

/// Why somebody rejects or revokes, and what the tutor should know.
#[derive(Debug, Clone)]
pub struct Verdict {
    pub reviewer: UserId,
    pub reason: Reason,
    pub comment: Comment,
}

/// Rejects a case.
pub async fn reject(app: &App, actor: &str, id: CaseId, verdict: &Verdict) -> Result<Case, Error> {
    let decide = |case: Case, change: &Change<'_>| {
        case.reject(verdict.reviewer, verdict.reason, verdict.comment.as_str().to_owned(), change.now)
    };
    decided(app, actor, id, "rejected", verdict, decide).await
}

/// Takes a verification back.
pub async fn revoke(app: &App, actor: &str, id: CaseId, verdict: &Verdict) -> Result<Case, Error> {
    let decide = |case: Case, change: &Change<'_>| {
        case.revoke(verdict.reviewer, verdict.reason, verdict.comment.as_str().to_owned(), change.now)
    };
    decided(app, actor, id, "revoked", verdict, decide).await
}

async fn decided(
    app: &App,
    actor: &str,
    id: CaseId,
    what: &str,
    verdict: &Verdict,
    decide: impl Fn(Case, &Change<'_>) -> Result<Case, Refusal> + Clone,
) -> Result<Case, Error> {
    let case = pg::transaction(&app.db, async |conn| {
        let case = change_case::locked(conn, id).await?;
        let change = Change::new(app, what, actor, verdict.reason.as_str());
        let case = decide(case, &change)?;
        change_case::save(conn, app, &case, change).await?;
        Ok::<_, Error>(case)
    })
    .await?;
    change_case::count(&case);
    Ok(case)
}
