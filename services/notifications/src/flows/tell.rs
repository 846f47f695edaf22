//! Tells a person something: words it, puts the mail into the queue or aside for a digest, and the entry into the feed, in the
//! event's transaction.

use failpoint::failpoint;
use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::app::App;
use crate::domain::{
    delivery::CONFIRMED_WITHIN,
    id::{EventId, UserId},
    notice::Notice,
    preference::{Preferences, Timing},
    recipient::{Person, Recipient},
};
use crate::error::Error;
use crate::store;

/// Tells `user` of an event. A user whom we have not heard of yet makes the event wait; nobody is left to tell where the user
/// was erased.
pub async fn run(
    app: &App,
    conn: &mut PgConnection,
    event: EventId,
    user: UserId,
    notice: &Notice,
) -> Result<(), Error> {
    let person = match store::recipients::lock(conn, user).await? {
        None => return Err(Error::NotKnownYet(format!("user {user}"))),
        Some(Recipient::Erased) => return Ok(()),
        Some(Recipient::Person(person)) => person,
    };
    let preferences = store::preferences::of(conn, user).await?;
    let (kind, now) = (notice.kind(), app.clock.now());
    let ways = notice.ways(&preferences, now);
    if ways.feed {
        let entry = app.renderer.entry(notice, &person, now)?;
        let resource = notice.resource();
        let new =
            store::notices::New { recipient: user, event, kind, entry: &entry, resource: &resource, created_at: now };
        store::notices::add(conn, new).await?;
    }
    match ways.mail {
        Timing::AtOnce => post(app, conn, &person, &preferences, event, notice).await?,
        Timing::Digest => gather(app, conn, &person, &preferences, event, notice, now).await?,
        Timing::Never => {}
    }
    failpoint!("notify.told");
    Ok(())
}

/// Puts a mail into the queue, due at once or, if it can wait, at the end of the person's quiet hours; or aside, until the person
/// confirms the address. We may just not have heard of that yet: what happens to somebody comes from several services.
pub(super) async fn post(
    app: &App,
    conn: &mut PgConnection,
    person: &Person,
    preferences: &Preferences,
    event: EventId,
    notice: &Notice,
) -> Result<(), Error> {
    let (kind, now) = (notice.kind(), app.clock.now());
    let (mut token, mut due_at) = (None, now);
    if kind.can_wait() {
        let fresh = hex::encode(rand::random::<[u8; 32]>());
        token = Some(store::unsubscribe::token(conn, person.id, kind, &fresh).await?);
        due_at = preferences.release(now, &person.time_zone);
    }
    let unconfirmed = notice.waits_for_address(person);
    let mut expires_at = notice.expires_at();
    if unconfirmed {
        due_at = now + CONFIRMED_WITHIN;
        expires_at = Some(due_at);
    }
    let mail = app.renderer.mail(notice, person, token.as_deref(), now)?;
    let new =
        store::deliveries::New { person, event, kind, mail: &mail, due_at, unconfirmed, expires_at, created_at: now };
    Ok(store::deliveries::queue(conn, new).await?)
}

/// Puts something aside for the person's next digest, and plans that.
async fn gather(
    app: &App,
    conn: &mut PgConnection,
    person: &Person,
    preferences: &Preferences,
    event: EventId,
    notice: &Notice,
    now: OffsetDateTime,
) -> Result<(), Error> {
    let entry = app.renderer.entry(notice, person, now)?;
    let (recipient, kind, resource) = (person.id, notice.kind(), notice.resource());
    let new = store::digests::New { recipient, event, kind, entry: &entry, resource: &resource, created_at: now };
    store::digests::add(conn, new).await?;
    plan(conn, person, preferences, now).await
}

/// Plans the person's next digest, unless one is planned.
pub(super) async fn plan(
    conn: &mut PgConnection,
    person: &Person,
    preferences: &Preferences,
    now: OffsetDateTime,
) -> Result<(), Error> {
    let last = store::digests::last_day(conn, person.id).await?;
    if let Some(due) = preferences.digest.next(now, &person.time_zone, last) {
        store::digests::plan(conn, person.id, due).await?;
    }
    Ok(())
}
