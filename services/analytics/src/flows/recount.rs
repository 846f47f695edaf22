//! Counts anew from the events that are kept: the rollups become what hearing every event once would have made them.

use crate::app::App;
use crate::error::Error;
use crate::payload;
use crate::store::{self, events::Place};

use time::OffsetDateTime;

/// How many events are in memory at once.
const PAGE: i64 = 5_000;

/// Counts every kept event anew and says how many there were. What older ones did is final and stays.
///
/// One transaction: readers see the old figures until it ends. Who hears waits for it meanwhile, so that nothing is counted twice.
pub async fn run(app: &App) -> Result<u64, Error> {
    pg::transaction(&app.db, async |conn| {
        store::progress::lock_to_recount(conn).await?;
        store::progress::take_long(conn).await?;
        let since = store::progress::final_before(conn).await?.unwrap_or(OffsetDateTime::UNIX_EPOCH);
        store::rollups::forget_since(conn, since).await?;
        let (mut place, mut counted) = (Place::before(since), 0);
        loop {
            let page = store::events::page(conn, place, PAGE).await?;
            let Some(last) = page.last() else { return Ok::<_, Error>(counted) };
            place = Place::behind(last);
            let mut facts = Vec::with_capacity(page.len());
            for event in &page {
                match payload::fact(&event.kind, event.occurred_at, &event.payload) {
                    Ok(fact) => facts.extend(fact),
                    // An earlier release let it in as one of a type that it did not know.
                    Err(error) => tracing::error!("Event {} is not counted: {error}", event.id),
                }
            }
            store::rollups::apply(conn, &facts).await?;
            counted += u64::try_from(page.len()).unwrap_or_default();
        }
    })
    .await
}
