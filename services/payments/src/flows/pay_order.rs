//! Starts a payment: commits the attempt, calls the provider, commits what it said.

use bus::By;
use failpoint::failpoint;
use pg::{Claim, Idempotent};
use sqlx::PgConnection;
use time::OffsetDateTime;
use values::{Id, Language};

use super::settle_attempt::{locked, save_failure};
use crate::{
    app::App,
    domain::{
        Attempt, Failure, Order, OrderId, Refusal, UserId,
        attempt::{self, Back, Method, Provider, State},
    },
    error::{Error, Result},
    provider::{Start, Started, Trouble},
    store,
};

/// No provider opens a page for less than a minute; the order's grace covers the rest.
const SHORTEST_PAGE: time::Duration = time::Duration::minutes(2);

/// What a buyer asks for.
#[derive(Debug, Clone)]
pub struct PayOrder {
    pub order: OrderId,
    pub provider: Provider,
    pub method: Method,
    /// Where the payer is sent after success and after a failure; none for the usual page.
    pub success_url: Option<String>,
    pub fail_url: Option<String>,
    pub language: Language,
}

/// Starts a payment of a buyer's own order. The same key gives the same attempt, unless the provider never got it: then
/// it is sent once more.
pub async fn run(app: &App, actor: &str, buyer: UserId, command: &PayOrder, key: &Idempotent) -> Result<Attempt> {
    let back = app.rules.pages.back(command.success_url.as_deref(), command.fail_url.as_deref())?;
    let (order, attempt, fresh) = commit_intent(app, buyer, command, &back, key).await?;
    if !fresh {
        return Ok(attempt);
    }
    failpoint!("pay.intended");
    let start = Start {
        description: describe(&order, command.language),
        attempt,
        language: command.language,
        until: order.expires_at.max(app.clock.now() + SHORTEST_PAGE),
    };
    let answer = app.providers.get(start.attempt.provider).start(&start).await;
    failpoint!("pay.sent");
    let unreached = matches!(answer, Err(Trouble::NotReached(_)));
    let attempt = commit_result(app, actor, &start.attempt, answer).await?;
    failpoint!("pay.started");
    if unreached && attempt.is_unsent() {
        return Err(Refusal::ProviderUnavailable.into());
    }
    Ok(attempt)
}

/// Writes down what is about to be sent; says whether it is to be sent, or was before.
async fn commit_intent(
    app: &App,
    buyer: UserId,
    command: &PayOrder,
    back: &Back,
    key: &Idempotent,
) -> Result<(Order, Attempt, bool)> {
    let now = app.clock.now();
    pg::transaction(&app.db, async |conn| {
        let claim = key.claim(conn, now).await?;
        let order = store::order::lock_of_buyer(conn, buyer, command.order).await?.ok_or(Refusal::OrderNotFound)?;
        if let Claim::Replay(id) = claim {
            let missing = || anyhow::anyhow!("attempt {id} is missing");
            let attempt = store::attempt::any(conn, Id::from_uuid(id)).await?.ok_or_else(missing)?;
            if !attempt.is_unsent() || order.expect_payable(now).is_err() {
                return Ok((order, attempt, false));
            }
            let attempt = Attempt { updated_at: now, ..attempt.resent() };
            store::attempt::update(conn, &attempt, Some(now + app.rules.schedule.after(0))).await?;
            return Ok((order, attempt, true));
        }
        let attempt = fresh(app, conn, &order, command, back, now).await?;
        key.record(conn, attempt.id.uuid(), now).await?;
        Ok::<_, Error>((order, attempt, true))
    })
    .await
}

async fn fresh(
    app: &App,
    conn: &mut PgConnection,
    order: &Order,
    command: &PayOrder,
    back: &Back,
    now: OffsetDateTime,
) -> Result<Attempt> {
    order.expect_payable(now)?;
    app.providers.get(command.provider).accept(order.amounts.total)?;
    attempt::admit(&store::attempt::of_order(conn, order.id).await?)?;
    let owed = store::intent::of_order(conn, order.id).await?;
    let intent = owed.ok_or_else(|| anyhow::anyhow!("order {} waits to be paid and owes nothing", order.id))?;
    let attempt = Attempt {
        id: Id::new(now),
        intent: intent.id,
        order: order.id,
        provider: command.provider,
        method: command.method,
        amount: intent.amount,
        payment: None,
        page: None,
        back: back.clone(),
        state: State::Created,
        created_at: now,
        updated_at: now,
    };
    store::attempt::insert(conn, &attempt, now + app.rules.schedule.after(0)).await?;
    Ok(attempt)
}

/// Writes down what the provider said. More may be known by now: a notification can overtake the answer.
async fn commit_result(app: &App, actor: &str, sent: &Attempt, answer: Result<Started, Trouble>) -> Result<Attempt> {
    let now = app.clock.now();
    let answer = &answer;
    pg::transaction(&app.db, async |conn| {
        let (order, attempt) = locked(conn, sent.id).await?;
        let before = attempt.state;
        let attempt = match answer {
            Ok(started) => attempt.started(started.payment.clone(), started.page.clone()),
            Err(Trouble::Refused { failure, .. }) => attempt.not_started(*failure),
            Err(Trouble::NotReached(_)) => attempt.not_started(Failure::ProviderUnavailable),
            Err(Trouble::Lost(_)) => attempt.lost(),
        };
        if attempt.is_unsent() {
            // Nothing has failed for the buyer yet: the same request may be sent once more.
            store::attempt::update(conn, &Attempt { updated_at: now, ..attempt.clone() }, None).await?;
        } else {
            let state = save_failure(conn, order, before, attempt, By { actor, now }).await?;
            if state == State::Unknown {
                store::attempt::ask_at(conn, sent.id, Some(now + app.rules.schedule.soon())).await?;
            }
        }
        let missing = || anyhow::anyhow!("attempt {} is missing", sent.id);
        Ok::<_, Error>(store::attempt::any(conn, sent.id).await?.ok_or_else(missing)?)
    })
    .await
}

/// What the payer reads on the provider's page.
fn describe(order: &Order, language: Language) -> String {
    let title = order.items.first().map_or("", |item| item.title.as_str());
    let word = match language {
        Language::Russian => "Заказ",
        Language::English => "Order",
    };
    format!("{word} {}: {title}", order.number.as_str())
}
