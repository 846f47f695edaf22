//! The memory: SQL, free functions over a connection. No decisions and no transactions live here.
//!
//! Every read takes its scope: the buyer or learner whose row it may be, or says in its name that it reads anybody's.

pub mod attempt;
pub mod entitlement;
pub mod export;
pub mod intent;
pub mod order;
pub mod price;
pub mod product;
pub mod promo;
pub mod refund;
pub mod revenue;
pub mod run;
pub mod waiting;
pub mod webhook;

use time::{Duration, OffsetDateTime};
use uuid::Uuid;
use values::Id;

/// The first id that something made in this millisecond or later can have: ids begin with the moment in which they were
/// made, so that a range of time is a range of the key, and of every index that ends with it.
fn first_id<K>(at: OffsetDateTime) -> Id<K> {
    let milliseconds = u128::try_from(at.unix_timestamp_nanos() / 1_000_000).unwrap_or_default();
    Id::from_uuid(Uuid::from_u128(milliseconds << 80))
}

/// The first id after that millisecond.
fn next_id<K>(at: OffsetDateTime) -> Id<K> {
    first_id(at.saturating_add(Duration::MILLISECOND))
}

/// Positions in a list whose length the domain limits.
fn position(at: usize) -> i16 {
    i16::try_from(at).unwrap_or(i16::MAX)
}
