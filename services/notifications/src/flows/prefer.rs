//! A person says what they want to be told, signed in or by the link in a mail. What waits already follows at once.

use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::app::App;
use crate::domain::{
    delivery::UNSUBSCRIBED,
    id::UserId,
    notice::Kind,
    preference::{Change, Channel, Preferences, Rule, Timing},
    recipient::{Person, Recipient},
};
use crate::error::{Error, Refusal};
use crate::flows::tell::plan;
use crate::store;

/// Changes what a person wants, and says what that is now.
pub async fn run(app: &App, me: UserId, change: &Change) -> Result<Preferences, Error> {
    let now = app.clock.now();
    pg::transaction(&app.db, async |conn| match store::recipients::lock(conn, me).await? {
        None => Err(Refusal::NotKnownYet.into()),
        Some(Recipient::Erased) => Err(Refusal::PersonNotFound.into()),
        Some(Recipient::Person(person)) => keep(conn, &person, change, now).await,
    })
    .await
}

/// What a link is about.
#[derive(Debug)]
pub struct Link {
    pub kind: Kind,
    pub person: Person,
    pub unsubscribed: bool,
}

/// Says what a link would switch off.
pub async fn show_link(app: &App, token: &str) -> Result<Link, Error> {
    let mut conn = app.db.acquire().await?;
    let (user, kind) = store::unsubscribe::find(&mut conn, token).await?.ok_or(Refusal::LinkNotFound)?;
    let Some(Recipient::Person(person)) = store::recipients::find(&mut conn, user).await? else {
        return Err(Refusal::LinkNotFound.into());
    };
    let preferences = store::preferences::of(&mut conn, user).await?;
    let unsubscribed = named(kind, &preferences).iter().all(|kind| is_off(*kind, &preferences));
    Ok(Link { kind, person, unsubscribed })
}

/// Switches off what a link is about. Doing it twice changes nothing.
pub async fn unsubscribe(app: &App, token: &str) -> Result<Link, Error> {
    let now = app.clock.now();
    pg::transaction(&app.db, async |conn| {
        let (user, kind) = store::unsubscribe::find(conn, token).await?.ok_or(Refusal::LinkNotFound)?;
        let Some(Recipient::Person(person)) = store::recipients::lock(conn, user).await? else {
            return Err(Refusal::LinkNotFound.into());
        };
        let preferences = store::preferences::of(conn, user).await?;
        let off = |kind| Rule { kind, channel: Channel::Email, timing: Timing::Never };
        let rules = named(kind, &preferences).into_iter().filter(|kind| !is_off(*kind, &preferences)).map(off);
        let change = Change { rules: rules.collect(), ..Change::default() };
        keep(conn, &person, &change, now).await?;
        if kind == Kind::Digest {
            store::deliveries::suppress(conn, user, kind, UNSUBSCRIBED, now).await?;
        }
        Ok(Link { kind, person, unsubscribed: true })
    })
    .await
}

/// What a link of a kind switches off: that of a digest everything that is gathered.
fn named(kind: Kind, preferences: &Preferences) -> Vec<Kind> {
    if kind == Kind::Digest { preferences.gathered() } else { vec![kind] }
}

fn is_off(kind: Kind, preferences: &Preferences) -> bool {
    preferences.timing(kind, Channel::Email) == Timing::Never
}

/// Keeps a change. The caller holds the lock on the person.
async fn keep(
    conn: &mut PgConnection,
    person: &Person,
    change: &Change,
    now: OffsetDateTime,
) -> Result<Preferences, Error> {
    for rule in &change.rules {
        store::preferences::keep_rule(conn, person.id, *rule).await?;
        if rule.channel == Channel::Email && rule.timing == Timing::Never {
            store::digests::drop_kind(conn, person.id, rule.kind).await?;
            store::deliveries::suppress(conn, person.id, rule.kind, UNSUBSCRIBED, now).await?;
        }
    }
    if change.quiet.is_some() || change.digest.is_some() {
        let before = store::preferences::of(conn, person.id).await?;
        let (quiet, digest) = (change.quiet.unwrap_or(before.quiet), change.digest.unwrap_or(before.digest));
        store::preferences::keep_times(conn, person.id, &Preferences { quiet, digest, ..before }).await?;
    }
    let preferences = store::preferences::of(conn, person.id).await?;
    if change.quiet.is_some() || change.digest.is_some() {
        replan(conn, person, &preferences, now).await?;
    }
    Ok(preferences)
}

/// Moves what waits to where the person's times have moved: held mails to the end of the quiet hours, the digest to its time.
pub(super) async fn replan(
    conn: &mut PgConnection,
    person: &Person,
    preferences: &Preferences,
    now: OffsetDateTime,
) -> Result<(), Error> {
    let due_at = preferences.release(now, &person.time_zone);
    store::deliveries::move_held(conn, person.id, due_at, due_at > now).await?;
    if store::digests::unplan(conn, person.id).await? {
        plan(conn, person, preferences, now).await?;
    }
    Ok(())
}
