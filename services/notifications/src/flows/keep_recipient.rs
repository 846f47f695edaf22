//! Keeps our copy of a person up to date, from an event or from an export.

use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::domain::recipient::{Profile, Recipient};
use crate::error::{Error, Refusal};
use crate::flows::prefer::replan;
use crate::store;

/// Keeps a profile that is newer than ours. What waits for a time of the day follows the person into another zone, and what waits
/// for a confirmed address goes there.
pub async fn run(conn: &mut PgConnection, profile: Profile, now: OffsetDateTime) -> Result<(), Error> {
    let version = profile.version;
    let person = profile.person().map_err(Refusal::from)?;
    let before = store::recipients::lock(conn, person.id).await?;
    let kept = store::recipients::keep(conn, &person, version).await?;
    // Nobody was told anything whom we did not know.
    let Some(Recipient::Person(before)) = before.filter(|_| kept) else { return Ok(()) };
    let preferences = store::preferences::of(conn, person.id).await?;
    if before.time_zone != person.time_zone {
        replan(conn, &person, &preferences, now).await?;
    }
    if !before.email_confirmed && person.email_confirmed {
        let due_at = preferences.release(now, &person.time_zone);
        store::deliveries::confirm(conn, &person, due_at, now).await?;
    }
    Ok(())
}
