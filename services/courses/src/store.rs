//! SQL, as free functions over a connection. No decisions, no begin or commit.
//!
//! Rows are locked `for no key update`: a plain `for update` would stand in the way of everybody who inserts a row that refers
//! to them, and two who do both would wait for each other.

pub mod answers;
pub mod attempts;
pub mod courses;
mod document;
pub mod drafts;
pub mod enrolments;
pub mod entitlements;
pub mod erasures;
pub mod exports;
pub mod outlines;
pub mod progress;
pub mod runs;
pub mod seats;
pub mod versions;

use std::error::Error;

/// What was stored and cannot be read is the database's mistake, as sqlx sees it.
fn stored<T, E: Error + Send + Sync + 'static>(read: Result<T, E>) -> Result<T, sqlx::Error> {
    read.map_err(|error| sqlx::Error::Decode(error.into()))
}
