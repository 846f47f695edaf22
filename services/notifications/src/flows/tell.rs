//! Tells a person something: words it, puts the mail into the queue and the entry into the feed, in the event's transaction.

use bus::Failure;
use sqlx::PgConnection;

use crate::app::App;
use crate::domain::{
    id::{EventId, UserId},
    notice::Notice,
    recipient::Recipient,
};
use crate::error::Error;
use crate::store;

/// Tells `user` of an event. A user whom we have not heard of yet makes the event wait; nobody is left to tell where the user
/// was erased.
pub async fn tell(
    app: &App,
    conn: &mut PgConnection,
    event: EventId,
    user: UserId,
    notice: &Notice,
) -> Result<(), Failure> {
    let person = match store::recipients::find(conn, user).await? {
        None => return Err(Failure::TooEarly(format!("user {user} is not known yet"))),
        Some(Recipient::Erased) => return Ok(()),
        Some(Recipient::Person(person)) => person,
    };
    let (kind, now) = (notice.kind(), app.clock.now());
    let ways = notice.ways(&person, now);
    if ways.feed {
        let entry = app.renderer.entry(notice, &person, now).map_err(Error::from)?;
        let resource = notice.resource();
        let new =
            store::notices::New { recipient: user, event, kind, entry: &entry, resource: &resource, created_at: now };
        store::notices::add(conn, new).await?;
    }
    if ways.mail {
        let mail = app.renderer.mail(notice, &person, now).map_err(Error::from)?;
        let expires_at = notice.expires_at();
        let new = store::deliveries::New { person: &person, event, kind, mail: &mail, expires_at, created_at: now };
        store::deliveries::queue(conn, new).await?;
    }
    Ok(())
}
