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

use sqlx::{Postgres, QueryBuilder};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

/// From one instant, before another one.
pub type Range = (Option<OffsetDateTime>, Option<OffsetDateTime>);

/// Only what was made in this range: by the instant in the first column, and by the id in the second one. Ids begin
/// with the moment in which they were made, so that a range of time is a range of every index that ends with the id.
fn within(query: &mut QueryBuilder<Postgres>, (at, id): (&str, &str), (from, before): Range) {
    if let Some(from) = from {
        query.push(format_args!(" and {at} >= ")).push_bind(from);
        query.push(format_args!(" and {id} >= ")).push_bind(first_id(from));
    }
    if let Some(before) = before {
        query.push(format_args!(" and {at} < ")).push_bind(before);
        query.push(format_args!(" and {id} < ")).push_bind(first_id(before.saturating_add(Duration::MILLISECOND)));
    }
}

/// The first id that something made in this millisecond or later can have.
fn first_id(at: OffsetDateTime) -> Uuid {
    let milliseconds = u128::try_from(at.unix_timestamp_nanos() / 1_000_000).unwrap_or_default();
    Uuid::from_u128(milliseconds << 80)
}
