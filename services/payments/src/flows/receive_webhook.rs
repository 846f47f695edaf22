//! Takes a provider's notification: checks who wrote it, keeps it, asks the provider, and answers in the provider's own
//! words.

use std::collections::BTreeMap;

use failpoint::failpoint;
use ring::digest::{SHA256, digest};
use values::Id;

use super::ask_provider::{self, Answered, Notice};
use crate::{
    app::App,
    domain::{AttemptId, WebhookId, attempt::Provider, webhook::Verdict},
    error::Result,
    provider::{NotBelieved, Notification, Reply},
    store::{
        self,
        webhook::{Arrival, Kept},
    },
};

/// No provider's notification comes near this.
const LARGEST: usize = 64 * 1024;

/// A notification as it came.
#[derive(Debug, Clone)]
pub struct Webhook {
    pub provider: String,
    pub body: Vec<u8>,
    pub headers: BTreeMap<String, String>,
    pub address: String,
}

/// Answers a notification. Whatever is not believed changes nothing but the record of it.
pub async fn run(app: &App, actor: &str, webhook: &Webhook) -> Result<Reply> {
    let Some(name) = Provider::parse(&webhook.provider) else { return Ok(Reply::bare(404)) };
    if webhook.body.len() > LARGEST {
        return Ok(Reply::bare(413));
    }
    let provider = app.providers.get(name);
    let notification = provider.read(&webhook.body, &webhook.headers);
    let verdict = match notification {
        Ok(Notification::Payment { .. }) => Verdict::Received,
        Ok(Notification::Other) => Verdict::Other,
        Err(NotBelieved::Malformed) => Verdict::Malformed,
        Err(NotBelieved::Forged) => Verdict::Forged,
        Err(NotBelieved::ForeignShop) => Verdict::ForeignShop,
    };
    let Kept { id, before, first_at } = keep(app, name, webhook, verdict).await?;
    failpoint!("webhook.kept");
    let repeated = before == Some(Verdict::Done);
    let verdict = match notification {
        Ok(Notification::Payment { .. }) if repeated => Verdict::Done,
        Ok(Notification::Payment { payment, attempt, failure }) => {
            let notice = Notice { payment: Some(payment), cause: failure, came_at: Some(first_at) };
            look(app, actor, name, id, attempt, notice).await?
        }
        _ => verdict,
    };
    failpoint!("webhook.judged");
    metrics::counter!("webhooks_total", "provider" => name.as_str(), "verdict" => verdict.as_str()).increment(1);
    if repeated {
        metrics::counter!("webhooks_repeated_total", "provider" => name.as_str()).increment(1);
    }
    Ok(match verdict {
        Verdict::Done | Verdict::UnknownPayment | Verdict::Other => provider.acknowledge(),
        // Not acknowledged, so that the provider notifies us once more; we shall ask by ourselves as well.
        Verdict::Received => Reply::bare(503),
        Verdict::Malformed => refused(400, webhook, verdict),
        Verdict::Forged | Verdict::ForeignShop => refused(403, webhook, verdict),
    })
}

/// Keeps the body before anything is made of it.
async fn keep(app: &App, provider: Provider, webhook: &Webhook, verdict: Verdict) -> Result<Kept> {
    let at = app.clock.now();
    let digest = digest(&SHA256, &webhook.body);
    let arrival = Arrival {
        id: Id::new(at),
        provider,
        digest: digest.as_ref(),
        body: &webhook.body,
        address: &webhook.address,
        verdict,
        at,
    };
    let conn = &mut *app.db.acquire().await?;
    Ok(store::webhook::keep(conn, &arrival).await?)
}

/// Looks what became of the payment that a genuine notification is about.
async fn look(
    app: &App,
    actor: &str,
    provider: Provider,
    id: WebhookId,
    attempt: Option<AttemptId>,
    notice: Notice,
) -> Result<Verdict> {
    let known = {
        let conn = &mut *app.db.acquire().await?;
        match attempt {
            Some(attempt) => store::attempt::any(conn, attempt).await?.filter(|known| known.provider == provider),
            None => None,
        }
    };
    let Some(known) = known else { return judge(app, id, Verdict::UnknownPayment, None).await };
    let verdict = match ask_provider::run(app, actor, known.id, notice).await? {
        Answered::Yes { .. } => Verdict::Done,
        Answered::No => {
            let conn = &mut *app.db.acquire().await?;
            let next = app.clock.now() + app.rules.schedule.after(0);
            store::attempt::ask_at(conn, known.id, Some(next)).await?;
            Verdict::Received
        }
    };
    judge(app, id, verdict, Some(known.id)).await
}

async fn judge(app: &App, id: WebhookId, verdict: Verdict, attempt: Option<AttemptId>) -> Result<Verdict> {
    let conn = &mut *app.db.acquire().await?;
    store::webhook::judge(conn, id, verdict, attempt).await?;
    Ok(verdict)
}

/// Says no without saying why; the reason is in our log.
fn refused(status: u16, webhook: &Webhook, verdict: Verdict) -> Reply {
    tracing::warn!(
        provider = webhook.provider,
        address = webhook.address,
        "A notification for {} was refused as {}.",
        webhook.provider,
        verdict.as_str(),
    );
    Reply::bare(status)
}
