//! Makes room for months of events, and drops the months that are older than events are kept.

use std::collections::BTreeSet;

use time::{Duration, OffsetDateTime};

use crate::app::App;
use crate::domain::month::Month;
use crate::error::Error;
use crate::store;

/// Makes room for months that have none yet. What this process knows to be there costs nothing.
pub async fn make_room(app: &App, months: impl IntoIterator<Item = Month>) -> Result<(), Error> {
    let missing = app.months.missing(months);
    if missing.is_empty() {
        return Ok(());
    }
    pg::transaction(&app.db, async |conn| {
        for month in &missing {
            store::partitions::create(conn, *month).await?;
        }
        Ok::<_, Error>(())
    })
    .await?;
    app.months.add(&missing);
    Ok(())
}

/// Makes room for what is about to happen: this month, with events that come late, and the next two.
pub async fn make_room_ahead(app: &App) -> Result<(), Error> {
    make_room(app, ahead(app.clock.now())).await
}

/// The months that have to be there before anything happens in them.
pub fn ahead(now: OffsetDateTime) -> BTreeSet<Month> {
    let this = Month::of(now);
    [Month::of(now - Duration::days(7)), this, this.next(), this.next().next()].into()
}

/// Drops the months of which every event is older than events are kept, and says how many.
///
/// What was counted of them is final from then on, in the same transaction. It waits for readers only as long as others may wait
/// behind it, and otherwise fails to be tried again.
pub async fn drop_old(app: &App) -> Result<usize, Error> {
    let kept_from = app.kept_from();
    let dropped = pg::transaction(&app.db, async |conn| {
        let months = store::partitions::months(conn).await?;
        let old: Vec<Month> = months.into_iter().filter(|month| month.start() < kept_from).collect();
        if !old.is_empty() {
            store::progress::lock_to_recount(conn).await?;
            store::partitions::wait_briefly(conn).await?;
            for month in &old {
                store::partitions::drop(conn, *month).await?;
            }
            store::progress::finish_before(conn, kept_from).await?;
        }
        Ok::<_, Error>(old)
    })
    .await?;
    app.months.forget(&dropped);
    Ok(dropped.len())
}
