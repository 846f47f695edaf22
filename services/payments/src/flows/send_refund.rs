//! Sends a refund that is written down, or finds out what became of it. The provider is called between transactions.

use bus::By;
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::{give_back, settle_attempt::locked};
use crate::{
    app::App,
    domain::{
        Attempt, Refund, RefundId, Status, attempt,
        refund::{Outcome, State},
    },
    error::Result,
    provider::{self, Payment, Trouble},
    store,
};

/// Sends a refund for the first time.
pub async fn run(app: &App, actor: &str, id: RefundId) -> Result<Refund> {
    let Some((refund, attempt, payment)) = load(app, id).await? else { return current(app, id).await };
    call(app, actor, &refund, &attempt, payment).await
}

/// Continues with a refund that may have been sent before: asks first, and sends only what has not happened.
pub async fn resume(app: &App, actor: &str, id: RefundId) -> Result<Refund> {
    let Some((refund, attempt, payment)) = load(app, id).await? else { return current(app, id).await };
    let question = Payment { attempt: attempt.id, payment: Some(payment.clone()) };
    let Ok(Some(report)) = app.providers.get(attempt.provider).ask(&question).await else { return Ok(refund) };
    if let Some(mismatch) = report.mismatch(attempt.id, attempt.amount) {
        metrics::counter!("payments_mismatched_total", "in" => mismatch.as_str()).increment(1);
        tracing::error!(
            refund = %id,
            "The report for refund {id} is not about its payment: it is not sent, look at it.",
        );
        return Ok(refund);
    }
    match refund.clone().apply(report.status) {
        Outcome::Send(_) => call(app, actor, &refund, &attempt, payment).await,
        _ => apply(app, actor, &attempt, id, &Ok(report.status)).await,
    }
}

/// A refund that is not over, its payment, and the provider's id of it.
async fn load(app: &App, id: RefundId) -> Result<Option<(Refund, Attempt, String)>> {
    let conn = &mut *app.db.acquire().await?;
    let Some(refund) = store::refund::any(conn, id).await?.filter(|refund| !refund.state.is_over()) else {
        return Ok(None);
    };
    let attempt = match refund.attempt {
        Some(attempt) => store::attempt::any(conn, attempt).await?,
        None => None,
    };
    Ok(attempt.and_then(|attempt| {
        let payment = attempt.payment.clone()?;
        Some((refund, attempt, payment))
    }))
}

async fn current(app: &App, id: RefundId) -> Result<Refund> {
    let conn = &mut *app.db.acquire().await?;
    Ok(store::refund::any(conn, id).await?.ok_or_else(|| anyhow::anyhow!("refund {id} is missing"))?)
}

async fn call(app: &App, actor: &str, refund: &Refund, attempt: &Attempt, payment: String) -> Result<Refund> {
    let request = provider::Refund { id: refund.id, payment, amount: refund.amount };
    let answer = app.providers.get(attempt.provider).refund(&request).await;
    apply(app, actor, attempt, refund.id, &answer).await
}

/// Writes down what the provider said.
async fn apply(
    app: &App,
    actor: &str,
    attempt: &Attempt,
    id: RefundId,
    answer: &Result<Status, Trouble>,
) -> Result<Refund> {
    let now = app.clock.now();
    let refund = pg::transaction(&app.db, async |conn| {
        let (order, attempt) = locked(conn, attempt.id).await?;
        let refund = store::refund::any(conn, id).await?.ok_or_else(|| anyhow::anyhow!("refund {id} is missing"))?;
        let outcome = match answer {
            Ok(status) => refund.clone().apply(*status),
            Err(Trouble::Refused { failure, .. }) if !refund.state.is_over() => {
                Outcome::Refused(refund.clone().refused(*failure))
            }
            Err(Trouble::Lost(_)) => Outcome::Waits(refund.clone().lost()),
            Err(Trouble::Refused { .. } | Trouble::NotReached(_)) => Outcome::Ignored,
        };
        match outcome {
            Outcome::Succeeded(refund) => {
                let was = attempt.state;
                let attempt = Attempt { state: attempt::State::Refunded, updated_at: now, ..attempt };
                give_back::run(conn, order, Some((&attempt, was)), refund, By { actor, now }).await
            }
            Outcome::Send(refund) | Outcome::Waits(refund) | Outcome::Refused(refund) => {
                let soon = now + app.rules.schedule.soon();
                save(conn, refund, soon, now).await
            }
            Outcome::Ignored => Ok(refund),
        }
    })
    .await?;
    if matches!(answer, Err(Trouble::Refused { .. })) {
        metrics::counter!("refunds_total", "cause" => refund.cause.as_str(), "state" => "refused").increment(1);
        tracing::error!(refund = %id, order = %refund.order, "The provider refused refund {id}: somebody has to look.");
    }
    Ok(refund)
}

async fn save(conn: &mut PgConnection, refund: Refund, soon: OffsetDateTime, now: OffsetDateTime) -> Result<Refund> {
    let refund = Refund { updated_at: now, ..refund };
    store::refund::update(conn, &refund).await?;
    if refund.state == State::Unknown {
        metrics::counter!("refunds_total", "cause" => refund.cause.as_str(), "state" => "unknown").increment(1);
        store::refund::ask_at(conn, refund.id, soon).await?;
    }
    Ok(refund)
}
