//! Ask a provider where an attempt stands, and take its word. What cannot be asked now is asked later.

use failpoint::failpoint;
use futures::{StreamExt, TryStreamExt, stream};
use time::OffsetDateTime;

use super::settle::{self, Word};
use crate::{
    App, Error,
    domain::{AttemptId, Failure},
    provider::Payment,
    store,
};

/// Questions about one order that are asked side by side, so that a silent provider costs one wait and not twenty.
const SIDE_BY_SIDE: usize = 5;

/// How it went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// The provider answered and its word was taken; `open` when it has to be asked again later.
    Answered { open: bool },
    /// The provider gave no answer; nothing changed.
    Unanswered,
}

/// What a notification said, beside the fact that there is something to ask about.
#[derive(Debug, Clone, Default)]
pub struct Hinted {
    /// The provider's id of the payment, in case its answer to us was lost.
    pub payment: Option<String>,
    pub cause: Option<Failure>,
    /// When it came first.
    pub heard_at: Option<OffsetDateTime>,
}

/// Asks about one attempt.
pub async fn ask(app: &App, actor: &str, id: AttemptId, hinted: Hinted) -> Result<Asked, Error> {
    let attempt = {
        let conn = &mut *app.db.acquire().await?;
        store::attempt::any(conn, id).await?.ok_or_else(|| anyhow::anyhow!("attempt {id} is missing"))?
    };
    let payment = Payment { attempt: id, payment: attempt.payment.or(hinted.payment) };
    let Ok(report) = app.providers.get(attempt.provider).ask(&payment).await else { return Ok(Asked::Unanswered) };
    failpoint!("ask.answered");
    let word = Word { report: report.as_ref(), cause: hinted.cause, heard_at: hinted.heard_at };
    let open = settle::settle(app, actor, id, word).await?;
    Ok(Asked::Answered { open })
}

/// Asks about several attempts; says whether every question was answered.
pub(super) async fn ask_all(app: &App, actor: &str, ids: Vec<AttemptId>) -> Result<bool, Error> {
    let asked = stream::iter(ids).map(|id| ask(app, actor, id, Hinted::default())).buffer_unordered(SIDE_BY_SIDE);
    asked.try_fold(true, async |all, asked| Ok(all && asked != Asked::Unanswered)).await
}
