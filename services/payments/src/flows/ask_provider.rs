//! Asks a provider where an attempt stands, and applies its report. What cannot be asked now is asked later.

use failpoint::failpoint;
use futures::{StreamExt, TryStreamExt, stream};
use time::OffsetDateTime;

use super::settle_attempt::{self, Answer};
use crate::{
    app::App,
    domain::{AttemptId, Failure},
    error::Result,
    provider::Payment,
    store,
};

/// Questions about one order that are asked side by side, so that a silent provider costs one wait and not twenty.
const SIDE_BY_SIDE: usize = 5;

/// Whether the provider answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answered {
    /// Its report was applied; `open` when it has to be asked later once more.
    Yes { open: bool },
    /// Nothing changed.
    No,
}

/// What a notification said, beside the fact that there is something to ask about.
#[derive(Debug, Clone, Default)]
pub struct Notice {
    /// The provider's id of the payment, in case its answer to us was lost.
    pub payment: Option<String>,
    pub cause: Option<Failure>,
    /// When it came first.
    pub came_at: Option<OffsetDateTime>,
}

/// Asks about one attempt.
pub async fn run(app: &App, actor: &str, id: AttemptId, notice: Notice) -> Result<Answered> {
    let attempt = {
        let conn = &mut *app.db.acquire().await?;
        store::attempt::any(conn, id).await?.ok_or_else(|| anyhow::anyhow!("attempt {id} is missing"))?
    };
    let payment = Payment { attempt: id, payment: attempt.payment.or(notice.payment) };
    let Ok(report) = app.providers.get(attempt.provider).ask(&payment).await else { return Ok(Answered::No) };
    failpoint!("ask.answered");
    let answer = Answer { report: report.as_ref(), cause: notice.cause, notified_at: notice.came_at };
    let open = settle_attempt::run(app, actor, id, answer).await?;
    Ok(Answered::Yes { open })
}

/// Asks about several attempts; says whether every question was answered.
pub(super) async fn all(app: &App, actor: &str, ids: Vec<AttemptId>) -> Result<bool> {
    let asked = stream::iter(ids).map(|id| run(app, actor, id, Notice::default())).buffer_unordered(SIDE_BY_SIDE);
    asked.try_fold(true, async |all, asked| Ok(all && asked != Answered::No)).await
}
