//! Keeps our copy of a person up to date, from an event or from an export.

use sqlx::PgConnection;

use crate::domain::recipient::Profile;
use crate::error::Error;
use crate::store;

/// Keeps a profile that is newer than ours.
pub async fn keep_recipient(conn: &mut PgConnection, profile: Profile) -> Result<(), Error> {
    let version = profile.version;
    let person = profile.person()?;
    Ok(store::recipients::keep(conn, &person, version).await?)
}
