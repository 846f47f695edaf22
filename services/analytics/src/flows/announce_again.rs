//! Announces kept events once more: after the broker lost what was in its queues.

use std::time::Duration;

use anyhow::ensure;
use bus::{Amqp, Republisher};
use time::OffsetDateTime;

use crate::app::App;
use crate::payload;
use crate::store::{self, events::Place};

/// How many events are published before the first of them has to be confirmed.
const PAGE: i64 = 500;

/// Inboxes remember for 30 days what they applied; what is older would be applied twice.
const REMEMBERED: Duration = Duration::from_secs(29 * 86_400);

/// Publishes every event that was heard since a moment, as its owner did, and says how many there were.
///
/// Whoever applied one has its id in the inbox and does nothing. It may be repeated, and run while the fleet serves.
///
/// # Errors
///
/// The moment is too long ago; the broker or the database does not answer, and what was published before stays so.
pub async fn run(app: &App, amqp: &Amqp, since: OffsetDateTime) -> anyhow::Result<u64> {
    ensure!(
        app.clock.now() - since <= REMEMBERED,
        "inboxes do not remember so long: nothing from before 29 days is announced again"
    );
    let line = Republisher::open(amqp).await?;
    let (mut place, mut announced) = (Place::before(since), 0);
    loop {
        let page = store::events::page(&mut *app.db.acquire().await?, place, PAGE).await?;
        let Some(last) = page.last() else { break };
        place = Place::behind(last);
        let envelopes: Vec<_> = page.iter().map(payload::envelope).collect();
        line.publish(&envelopes).await?;
        announced += u64::try_from(page.len()).unwrap_or_default();
    }
    line.close().await;
    Ok(announced)
}
