//! Whom we write to: our copy of a person.

use values::{BadTimeZone, Language, NotAnId, Record, TimeZone, UnknownName};

use crate::domain::id::UserId;

/// What we know of a user.
#[derive(Debug, Clone)]
pub enum Recipient {
    Person(Person),
    /// Nobody is behind the id any more, and never will be.
    Erased,
}

/// How to address a person. It is not printed whole, because it is personal.
#[derive(Clone, Record)]
pub struct Person {
    #[record(name = "recipient_id")]
    pub id: UserId,
    #[record(name = "display_name")]
    pub name: String,
    pub email: String,
    pub email_confirmed: bool,
    pub language: Language,
    pub time_zone: TimeZone,
}

impl std::fmt::Debug for Person {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Person").field("id", &self.id).finish_non_exhaustive()
    }
}

/// A profile as the users service tells it, not read yet.
#[derive(Clone)]
pub struct Profile {
    pub user_id: String,
    pub display_name: String,
    pub email: String,
    pub email_confirmed: bool,
    pub language: String,
    pub time_zone: String,
    pub version: i64,
}

impl std::fmt::Debug for Profile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Profile")
            .field("user_id", &self.user_id)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

/// A profile that makes no sense to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadProfile {
    #[error("user_id: {0}")]
    Id(#[from] NotAnId),
    #[error("language: {0}")]
    Language(#[from] UnknownName),
    #[error("time_zone: {0}")]
    TimeZone(#[from] BadTimeZone),
}

impl Profile {
    /// Reads it.
    pub fn person(self) -> Result<Person, BadProfile> {
        Ok(Person {
            id: self.user_id.parse()?,
            name: self.display_name,
            email: self.email,
            email_confirmed: self.email_confirmed,
            language: self.language.parse()?,
            time_zone: TimeZone::parse(&self.time_zone)?,
        })
    }
}
