//! Makes digests: one mail a person and day of what came together. Killed anywhere, it is made once: what waited, the record of
//! the day and the mail change in one transaction.

use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::app::App;
use crate::domain::{
    id::{EventId, UserId},
    notice::Notice,
    recipient::Recipient,
};
use crate::error::Error;
use crate::flows::tell::{plan, post};
use crate::store;

/// How many people are looked up at once.
const PEOPLE_AT_ONCE: i64 = 200;

/// How much one mail tells; what is left waits for the next one.
const ITEMS_AT_MOST: i64 = 100;

/// Makes every digest that is due.
pub async fn run(app: &App) -> Result<(), Error> {
    loop {
        let now = app.clock.now();
        let mut conn = app.db.acquire().await?;
        let due = store::digests::due(&mut conn, now, PEOPLE_AT_ONCE).await?;
        drop(conn);
        if due.is_empty() {
            return Ok(());
        }
        for user in due {
            pg::transaction(&app.db, async |conn| make_digest(app, conn, user, now).await).await?;
        }
    }
}

/// Makes a person's digest, if nobody else has made it meanwhile. Nothing to say is no mail.
async fn make_digest(app: &App, conn: &mut PgConnection, user: UserId, now: OffsetDateTime) -> Result<(), Error> {
    let Some(Recipient::Person(person)) = store::recipients::lock(conn, user).await? else {
        return Ok(store::digests::erase(conn, user).await?);
    };
    let Some(day) = store::digests::due_day(conn, user, now).await? else { return Ok(()) };
    store::digests::unplan(conn, user).await?;
    let preferences = store::preferences::of(conn, user).await?;
    let digest = EventId::new(now);
    if store::digests::any(conn, user).await? && store::digests::begin(conn, user, day, digest, now).await? {
        let items = store::digests::take(conn, user, ITEMS_AT_MOST).await?;
        post(app, conn, &person, &preferences, digest, &Notice::Digest { items }).await?;
    }
    if store::digests::any(conn, user).await? {
        plan(conn, &person, &preferences, now).await?;
    }
    Ok(())
}
