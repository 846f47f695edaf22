//! Copies facts from the services that own them: for a database that lost its events.
//!
//! A fact that was counted before, or comes as an event later, changes nothing; so it may be stopped and run again at any time, and
//! beside the consumer. What no owner exports stays unknown: registrations, and events themselves.

use crate::app::App;
use crate::domain::fact::Fact;
use crate::error::Error;
use crate::owners::{Export, Owners};
use crate::store;

/// How many facts are counted in one transaction.
const CHUNK: usize = 2_000;

/// Counts what the owners know and says how many facts that were.
///
/// # Errors
///
/// A neighbour does not answer, or the database; what was counted before stays.
pub async fn run(app: &App, owners: &Owners) -> anyhow::Result<u64> {
    let mut copied = copy(app, owners.orders().await?).await?;
    // By learner and run, to tell by which order an enrolment came.
    let entitlements = owners.entitlements().await?;
    copied += keep(app, entitlements.facts()).await?;
    copied += copy(app, owners.runs().await?).await?;
    copied += copy(app, owners.enrolments(entitlements).await?).await?;
    copied += copy(app, owners.lesson_completions().await?).await?;
    copied += copy(app, owners.certificates().await?).await?;
    Ok(copied)
}

/// Counts an export while it comes in; no transaction is open while the neighbour is waited for.
async fn copy(app: &App, mut export: impl Export) -> anyhow::Result<u64> {
    let (mut copied, mut facts) = (0, Vec::new());
    while export.next(&mut facts).await? {
        if facts.len() >= CHUNK {
            copied += count(app, &facts).await?;
            facts.clear();
        }
    }
    Ok(copied + count(app, &facts).await?)
}

async fn keep(app: &App, facts: impl Iterator<Item = Fact>) -> Result<u64, Error> {
    let (mut copied, facts): (u64, Vec<Fact>) = (0, facts.collect());
    for chunk in facts.chunks(CHUNK) {
        copied += count(app, chunk).await?;
    }
    Ok(copied)
}

async fn count(app: &App, facts: &[Fact]) -> Result<u64, Error> {
    pg::transaction(&app.db, async |conn| {
        store::progress::lock_to_hear(conn).await?;
        store::rollups::apply(conn, facts).await?;
        Ok(u64::try_from(facts.len()).unwrap_or_default())
    })
    .await
}
