//! The memory: SQL and row structs. Free functions over a connection; transactions and decisions belong to the flows.

pub mod asks;
pub mod bell;
pub mod cases;
pub mod certificates;
pub mod doomed;
pub mod files;
pub mod holders;
pub mod tutors;
pub mod uploads;

use time::OffsetDateTime;

/// How rows are claimed for work that takes a while.
#[derive(Debug, Clone, Copy)]
pub struct Claiming {
    pub now: OffsetDateTime,
    /// Long enough for the calls that follow; after it, somebody else takes what a dead process left.
    pub until: OffsetDateTime,
    pub most: i64,
}
