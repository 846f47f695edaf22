//! Keeps our copy of a person up to date, from an event or from an export.

use anyhow::Context;
use sqlx::PgConnection;
use values::{Language, TimeZone};

use crate::domain::{id::UserId, recipient::Person};
use crate::error::Error;
use crate::store;

/// A profile as the users service tells it.
pub struct Profile {
    pub user_id: String,
    pub display_name: String,
    pub email: String,
    pub email_confirmed: bool,
    pub language: String,
    pub time_zone: String,
    pub version: i64,
}

impl Profile {
    fn person(self) -> anyhow::Result<Person> {
        Ok(Person {
            id: self.user_id.parse::<UserId>().context("user_id")?,
            name: self.display_name,
            email: self.email,
            email_confirmed: self.email_confirmed,
            language: Language::parse(&self.language).context("language")?,
            time_zone: TimeZone::parse(&self.time_zone).context("time_zone")?,
        })
    }
}

/// Keeps a profile that is newer than ours.
pub async fn keep_recipient(conn: &mut PgConnection, profile: Profile) -> Result<(), Error> {
    let version = profile.version;
    let person = profile.person()?;
    Ok(store::recipients::keep(conn, &person, version).await?)
}
