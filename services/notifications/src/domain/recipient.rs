//! Whom we write to: our copy of a person.

use values::{Language, TimeZone};

use crate::domain::id::UserId;

/// What we know of a user.
#[derive(Debug, Clone)]
pub enum Recipient {
    Person(Person),
    /// Nobody is behind the id any more, and never will be.
    Erased,
}

/// How to address a person. It is not printed whole, because it is personal.
#[derive(Clone)]
pub struct Person {
    pub id: UserId,
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
