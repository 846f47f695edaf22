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

use values::made::{first_id, next_id};

/// Positions in a list whose length the domain limits.
fn position(at: usize) -> i16 {
    i16::try_from(at).unwrap_or(i16::MAX)
}
