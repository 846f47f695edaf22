//! Sends e-mails: claims in one statement, speaks to the mail server outside of any transaction, remembers in another.
//!
//! A sender that dies between the server's answer and the record sends again after the lease, with the same Message-ID.

use std::sync::Arc;
use std::time::Duration;

use failpoint::failpoint;
use time::OffsetDateTime;
use tokio::time::Instant;

use crate::app::App;
use crate::domain::delivery::{LEASE, Next, Verdict, after};
use crate::domain::recipient::Recipient;
use crate::error::Error;
use crate::store::{
    self,
    deliveries::{self, Claimed},
};

/// How often the record of a try is attempted while the database is away; then the lease decides.
const RECORDED_AT_MOST: u32 = 10;

/// The pause between these attempts.
const RECORD_PAUSE: Duration = Duration::from_secs(2);

/// Claims e-mails that are due.
pub async fn claim(app: &App, at_most: usize) -> Result<Vec<Claimed>, Error> {
    let (mut conn, now) = (app.db.acquire().await?, app.clock.now());
    let limit = i64::try_from(at_most).unwrap_or(i64::MAX);
    Ok(deliveries::claim(&mut conn, limit, now + LEASE, now).await?)
}

/// Tries to send a claimed e-mail and remembers what became of it.
pub async fn deliver(app: Arc<App>, claimed: Claimed) {
    let (kind, id) = (claimed.kind.as_str(), claimed.letter.id);
    let begun = Instant::now();
    let verdict = match claimed.expires_at {
        _ if claimed.bounced => Verdict::Suppressed,
        Some(expires_at) if expires_at <= app.clock.now() => Verdict::Later("EXPIRED".to_owned()),
        _ => app.mailer.send(&claimed.letter, app.clock.now()).await,
    };
    if verdict == Verdict::Accepted {
        failpoint!("mail.accepted");
    }
    let (now, took, bounced) = (app.clock.now(), begun.elapsed(), matches!(verdict, Verdict::Bounced(_)));
    let next = after(verdict, claimed.attempts.unsigned_abs(), claimed.expires_at, now);
    let outcome = match &next {
        Next::Sent => {
            let waited = Duration::try_from(now - claimed.created_at).unwrap_or_default();
            metrics::histogram!("mail_delivery_seconds", "kind" => kind).record(waited);
            tracing::info!(delivery.id = %id, delivery.kind = kind, "E-mail {id} was sent.");
            "sent"
        }
        Next::Retry { reason, .. } => {
            tracing::info!(delivery.id = %id, delivery.kind = kind, reason, "E-mail {id} is tried again later.");
            "retried"
        }
        Next::Failed { reason } => {
            tracing::warn!(delivery.id = %id, delivery.kind = kind, reason, "E-mail {id} was refused for good.");
            "failed"
        }
        Next::GaveUp { reason } => {
            tracing::warn!(delivery.id = %id, delivery.kind = kind, reason, "E-mail {id} was given up.");
            "gave_up"
        }
        Next::Suppressed { reason } => {
            tracing::info!(delivery.id = %id, delivery.kind = kind, reason, "E-mail {id} was not sent.");
            "suppressed"
        }
    };
    metrics::counter!("mail_deliveries_total", "kind" => kind, "outcome" => outcome).increment(1);
    for _ in 0..RECORDED_AT_MOST {
        match record(&app, &claimed, &next, bounced, took, now).await {
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "E-mail {id} was tried, but not yet recorded."
                );
                tokio::time::sleep(RECORD_PAUSE).await;
            }
            Ok(()) => {
                if next == Next::Sent {
                    failpoint!("mail.committed");
                }
                return;
            }
        }
    }
}

/// Remembers what became of a try, and that the address bounced if it did.
async fn record(
    app: &App,
    claimed: &Claimed,
    next: &Next,
    bounced: bool,
    took: Duration,
    now: OffsetDateTime,
) -> Result<(), Error> {
    pg::transaction(&app.db, async |conn| {
        let mut next = next.clone();
        if let Next::Retry { at, .. } = &mut next
            && claimed.kind.can_wait()
            && let Some(Recipient::Person(person)) = store::recipients::find(conn, claimed.recipient).await?
        {
            // A second try wakes nobody up either.
            *at = store::preferences::of(conn, claimed.recipient).await?.release(*at, &person.time_zone);
        }
        deliveries::record(conn, claimed, &next, now).await?;
        let outcome = match &next {
            Next::Sent => "SENT",
            Next::Retry { reason, .. }
            | Next::Failed { reason }
            | Next::GaveUp { reason }
            | Next::Suppressed { reason } => reason,
        };
        store::attempts::end(conn, claimed, took, outcome).await?;
        if bounced {
            store::bounces::add(conn, claimed.recipient, &claimed.letter.address, outcome, now).await?;
        }
        Ok(())
    })
    .await
}
