//! What tests of every service need: real stores, one database and one broker host a test, a clock that is set,
//! people with tokens.
//!
//! A development dependency only. Everything here panics with a clear message, because a test has nobody else to tell.

mod broker;
mod bucket;
mod certificates;
mod clock;
mod database;
mod identity;
mod recorded;
mod serve;
mod stores;
mod terminator;
mod wait;

pub use broker::Broker;
pub use bucket::{Bucket, http};
pub use certificates::{Authority, Issued, Mounted};
pub use clock::FixedClock;
pub use database::Database;
pub use identity::{Fleet, ISSUER};
pub use recorded::{Recorded, announced};
pub use serve::{Served, serve};
pub use stores::{S3, Stores, redis_prefix, stores};
pub use terminator::{Begins, encrypted};
pub use wait::eventually;
