//! Rows that are claimed for work which takes a while, such as a call of somebody else: a lease that runs out, not a
//! lock.

use time::{Duration, OffsetDateTime};

/// How rows are claimed: those that are due `now`, at most `limit` of them, until a moment.
///
/// ```sql
/// update … set leased_until = $2 where … in (select … where due_at <= $1 … limit $3 for update skip locked)
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Lease {
    /// When they are claimed.
    pub now: OffsetDateTime,
    /// Long enough for the work that follows; after it, somebody else takes what a dead process left.
    pub until: OffsetDateTime,
    /// How many rows at most.
    pub limit: i64,
}

impl Lease {
    /// A lease of this length, from now on.
    pub fn new(now: OffsetDateTime, length: Duration, limit: i64) -> Self {
        Self { now, until: now + length, limit }
    }
}
