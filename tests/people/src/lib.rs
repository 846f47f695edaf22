//! What people do at a school, through its public REST door: learners, staff, tutors, and the world outside.
//!
//! Reading order: `contract` (how a request of the contract travels over HTTP; all that is known of the wire), `answer`, `school`
//! (addresses, people, how patient they are), `person` (who calls), `step` (what they tell of it); then what they do: `account`,
//! `shop`, `study` with `quiz`, `certificate`, `author`, `paper`; `outside` is the bank's page, the mail and the faults of the sandbox.
//!
//! Whatever people do fails with the school's refusal ([`Refused`]), with what they waited for in vain, or because nobody answered; the
//! error says in which step, and under which trace.

mod account;
mod answer;
mod author;
mod certificate;
mod contract;
mod outside;
mod paper;
mod person;
mod quiz;
mod school;
mod shop;
mod step;
mod study;

pub use account::{Newcomer, PASSWORD};
pub use answer::{Answer, REFUSED_BY_STATE, Refused};
pub use author::{Course, Offer, VIDEO_SECONDS};
pub use outside::{Card, Mail, Outside, Span};
pub use paper::{Paper, sha256};
pub use person::Person;
pub use quiz::Key;
pub use school::{Account, Pace, School, eventually};
pub use shop::shown;
pub use step::{Listener, Outcome, Step};

/// A new key for one idempotent request.
pub fn new_key() -> String {
    uuid::Uuid::new_v4().to_string()
}

/// What somebody saw who looked whether something has happened.
#[derive(Debug)]
pub enum Seen<T> {
    /// It has.
    Yes(T),
    /// Not yet; this is there instead.
    NotYet(String),
}

impl<T> Seen<T> {
    /// What was found, or what is missing.
    pub fn found(found: Option<T>, missing: &str) -> Self {
        found.map_or_else(|| Self::NotYet(missing.to_owned()), Self::Yes)
    }
}
