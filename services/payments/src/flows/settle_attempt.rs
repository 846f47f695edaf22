//! Applies a provider's report about an attempt: the only place where an order becomes paid by money.
//!
//! However often, late or disordered reports come: each is applied under the order's lock, the law says what it
//! changes, and the first money settles what is owed. All that follows from it is one transaction.

use bus::By;
use failpoint::failpoint;
use sqlx::PgConnection;
use time::OffsetDateTime;
use values::{Id, Money};

use super::give_back;
use crate::{
    announce,
    app::App,
    domain::{
        Attempt, AttemptId, Entitlement, Failure, Intent, Order, Refund, Report, RunId, Status,
        attempt::{Outcome, State},
        intent::Taken,
        report::Mismatch,
        revenue::{self, Fact, Kind, Source},
    },
    error::{Error, Result},
    store,
};

/// What is known about an attempt from outside.
#[derive(Debug)]
pub struct Answer<'a> {
    /// The provider's report; none when it does not know the attempt.
    pub report: Option<&'a Report>,
    /// A cause that a notification named; answers to questions often do not.
    pub cause: Option<Failure>,
    /// When the notification came that this is the answer to; none when we asked by ourselves.
    pub notified_at: Option<OffsetDateTime>,
}

/// Applies the answer. Says whether the attempt may still change, so that the provider has to be asked once more.
pub async fn run(app: &App, actor: &str, id: AttemptId, answer: Answer<'_>) -> Result<bool> {
    let by = By { actor, now: app.clock.now() };
    let report = answer.report.map(|report| named(report, answer.cause));
    let (before, after, amount) = pg::transaction(&app.db, async |conn| {
        let (order, attempt) = locked(conn, id).await?;
        let (before, amount) = (attempt.state, attempt.amount);
        let attempt = attempt.overdue(by.now);
        let after = match &report {
            None => save_failure(conn, order, before, attempt.unknown_to_provider(by.now), by).await?,
            Some(report) => apply(conn, order, attempt, before, report, by).await?,
        };
        Ok::<_, Error>((before, after, amount))
    })
    .await?;
    failpoint!("settle.committed");
    if before != after {
        metrics::counter!("payment_attempts_total", "state" => after.as_str()).increment(1);
        tracing::info!(attempt = %id, "Payment {id} went from {} to {}.", before.as_str(), after.as_str());
        if after == State::Succeeded {
            measure(app, id, amount, answer.notified_at, by.now).await;
        }
    }
    Ok(after.is_open())
}

/// Measures how long a payment took from its notification to here, and counts by what we learnt of it. Payments that
/// were only ever asked about say that the provider's notifications do not reach us.
async fn measure(app: &App, id: AttemptId, amount: Money, notified_at: Option<OffsetDateTime>, now: OffsetDateTime) {
    let minor = u64::try_from(amount.minor()).unwrap_or_default();
    metrics::counter!("payments_captured_minor_total", "currency" => amount.currency().to_string()).increment(minor);
    let notified = match notified_at {
        Some(notified_at) => Some(notified_at),
        // The payment is settled; that it cannot be measured right now does no harm.
        None => notified_before(app, id).await.unwrap_or_default(),
    };
    let by = if notified.is_some() { "notification" } else { "question" };
    metrics::counter!("payments_settled_total", "by" => by).increment(1);
    if let Some(waited) = notified.and_then(|notified| std::time::Duration::try_from(now - notified).ok()) {
        metrics::histogram!("payment_settlement_seconds").record(waited);
    }
}

async fn notified_before(app: &App, id: AttemptId) -> Result<Option<OffsetDateTime>, sqlx::Error> {
    let conn = &mut *app.db.acquire().await?;
    store::webhook::last_notified(conn, id).await
}

/// An attempt with its order locked: nobody else applies a report about the order meanwhile.
pub(super) async fn locked(conn: &mut PgConnection, id: AttemptId) -> Result<(Order, Attempt)> {
    let missing = || anyhow::anyhow!("attempt {id} or its order is missing");
    let seen = store::attempt::any(conn, id).await?.ok_or_else(missing)?;
    let order = store::order::lock(conn, seen.order).await?.ok_or_else(missing)?;
    // Read once more: it may have changed while the lock was waited for.
    let attempt = store::attempt::any(conn, id).await?.ok_or_else(missing)?;
    Ok((order, attempt))
}

/// The report with the cause that the notification named, where the report itself gives none.
fn named(report: &Report, cause: Option<Failure>) -> Report {
    let status = match (report.status, cause) {
        (Status::Failed(Failure::Declined), Some(cause)) => Status::Failed(cause),
        (status, _) => status,
    };
    Report { status, ..report.clone() }
}

async fn apply(
    conn: &mut PgConnection,
    order: Order,
    attempt: Attempt,
    before: State,
    report: &Report,
    by: By<'_>,
) -> Result<State> {
    let (id, overdue) = (attempt.id, attempt.state);
    match attempt.apply(report) {
        Outcome::Waits(attempt) => {
            let attempt = touched(attempt, before, by.now);
            store::attempt::update(conn, &attempt, None).await?;
            Ok(attempt.state)
        }
        Outcome::Captured(captured) => {
            let missing = || anyhow::anyhow!("order {} owes nothing, but was paid", order.id);
            let intent = store::intent::of_order(conn, order.id).await?.ok_or_else(missing)?;
            take(conn, order, intent.take(captured), by).await
        }
        Outcome::Failed(attempt) => save_failure(conn, order, before, attempt, by).await,
        Outcome::Returned { attempt, was } => {
            let attempt = Attempt { updated_at: by.now, ..attempt };
            let refund = match store::refund::of_attempt(conn, attempt.id).await? {
                Some(refund) => refund,
                None => {
                    tracing::warn!(attempt = %attempt.id, "Payment {} was given back without us.", attempt.id);
                    let refund = Refund::by_provider(Id::new(by.now), &attempt, by.now);
                    store::refund::insert(conn, &refund, by.now).await?;
                    refund
                }
            };
            give_back::run(conn, order, Some((&attempt, was)), refund, by).await?;
            Ok(attempt.state)
        }
        Outcome::Mismatched(attempt, mismatch) => {
            report_mismatch(&attempt, mismatch);
            store::attempt::update(conn, &Attempt { updated_at: by.now, ..attempt.clone() }, None).await?;
            Ok(attempt.state)
        }
        Outcome::Ignored => {
            if report.status == Status::PartlyReturned {
                tracing::error!(
                    attempt = %id,
                    order = %order.id,
                    "A part of payment {id} was given back at the provider: look at it.",
                );
            }
            metrics::counter!("payment_reports_ignored_total", "state" => overdue.as_str()).increment(1);
            Ok(overdue)
        }
    }
}

/// Money came: it settles what is owed, or goes back.
async fn take(conn: &mut PgConnection, order: Order, taken: Taken, by: By<'_>) -> Result<State> {
    match taken {
        Taken::Settled(intent, attempt) => {
            let attempt = Attempt { updated_at: by.now, ..attempt };
            store::attempt::update(conn, &attempt, None).await?;
            settled(conn, order, &intent, &attempt, by).await?;
            Ok(attempt.state)
        }
        Taken::Surplus(attempt) => {
            let attempt = Attempt { updated_at: by.now, ..attempt };
            let (id, order_id) = (attempt.id, order.id);
            tracing::warn!(attempt = %id, order = %order_id, "Payment {id} is surplus and goes back.");
            metrics::counter!("payments_overpaid_total").increment(1);
            store::attempt::update(conn, &attempt, None).await?;
            let source = Source::Attempt(attempt.id);
            book(conn, &order, Kind::Overpaid, source, vec![(None, attempt.amount)], by.now).await?;
            // Due at once: a job sends it.
            store::refund::insert(conn, &Refund::overpaid(Id::new(by.now), &attempt, by.now), by.now).await?;
            Ok(attempt.state)
        }
    }
}

async fn settled(conn: &mut PgConnection, order: Order, intent: &Intent, attempt: &Attempt, by: By<'_>) -> Result<()> {
    let order = order.paid(Some(attempt.id), by.now)?;
    store::intent::update(conn, intent).await?;
    let shares = revenue::shares(&order).into_iter().map(|(run, share)| (Some(run), share)).collect();
    book(conn, &order, Kind::Captured, Source::Attempt(attempt.id), shares, by.now).await?;
    open_access(conn, &order, by).await
}

/// Saves a paid order with all that it opens: the promo code's use is used, entitlements are granted, all of it is
/// announced.
pub(super) async fn open_access(conn: &mut PgConnection, order: &Order, by: By<'_>) -> Result<()> {
    store::order::update(conn, order).await?;
    store::promo::consume(conn, order).await?;
    announce::order_paid(conn, order, by).await?;
    for grant in order.items.iter().flat_map(|item| &item.grants) {
        let entitlement = Entitlement::granted(Id::new(by.now), order.id, order.buyer, grant.clone(), by.now);
        store::entitlement::insert(conn, &entitlement).await?;
        announce::entitlement_granted(conn, &entitlement, by).await?;
    }
    Ok(())
}

/// Writes facts for the ledger, one for each share in which money moved.
pub(super) async fn book(
    conn: &mut PgConnection,
    order: &Order,
    kind: Kind,
    source: Source,
    shares: Vec<(Option<RunId>, Money)>,
    now: OffsetDateTime,
) -> Result<()> {
    for (run, amount) in shares.into_iter().filter(|(_, amount)| !amount.is_zero()) {
        let fact = Fact { id: Id::new(now), kind, source, order: order.id, run, amount, occurred_at: now };
        store::revenue::insert(conn, &fact).await?;
    }
    Ok(())
}

/// Saves an attempt that may have failed by what was reported, and announces the failure once.
///
/// One that nobody could have paid ends without an event: its buyer was told at once to try once more.
pub(super) async fn save_failure(
    conn: &mut PgConnection,
    order: Order,
    before: State,
    attempt: Attempt,
    by: By<'_>,
) -> Result<State> {
    let attempt = touched(attempt, before, by.now);
    store::attempt::update(conn, &attempt, None).await?;
    if let State::Failed(failure) = attempt.state
        && before != attempt.state
        && failure.is_announced()
    {
        let order = order.announced();
        store::order::update(conn, &order).await?;
        announce::payment_failed(conn, &order, failure, by).await?;
    }
    Ok(attempt.state)
}

/// Says when the state changed, if it did.
fn touched(attempt: Attempt, before: State, now: OffsetDateTime) -> Attempt {
    if attempt.state == before { attempt } else { Attempt { updated_at: now, ..attempt } }
}

/// The one thing about payments for which somebody must be called at night.
fn report_mismatch(attempt: &Attempt, mismatch: Mismatch) {
    metrics::counter!("payments_mismatched_total", "in" => mismatch.as_str()).increment(1);
    tracing::error!(
        attempt = %attempt.id,
        order = %attempt.order,
        "The provider's report on payment {} differs from what was asked for in its {}: it is not counted, look at it.",
        attempt.id,
        mismatch.as_str(),
    );
}
