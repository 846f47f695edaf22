//! The memory: SQL and private row structs, free functions over a connection. No decisions and no transactions live here.
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
use values::{Currency, Money};

use crate::domain::product::Access;

/// A row that our own constraints should have kept out.
fn broken(what: &'static str) -> sqlx::Error {
    sqlx::Error::Decode(format!("a stored {what} cannot be read").into())
}

fn currency(code: &str) -> Result<Currency, sqlx::Error> {
    Currency::parse(code).map_err(|_| broken("currency"))
}

fn money(minor: i64, code: &str) -> Result<Money, sqlx::Error> {
    Ok(Money::new(minor, currency(code)?))
}

fn access(seconds: Option<i64>) -> Result<Option<Access>, sqlx::Error> {
    let access = seconds.map(|seconds| Access::parse(Duration::seconds(seconds)));
    access.transpose().map_err(|_| broken("access duration"))
}

fn seconds(access: Option<Access>) -> Option<i64> {
    access.map(|access| access.get().whole_seconds())
}

/// Positions in a list whose length the domain limits.
fn position(at: usize) -> i16 {
    i16::try_from(at).unwrap_or(i16::MAX)
}

/// When something is looked at again, and until when whoever claimed it has it alone.
#[derive(Debug, Clone, Copy)]
pub struct Claiming {
    pub now: OffsetDateTime,
    /// Long enough for the calls that follow; after it, somebody else takes what a dead process left.
    pub until: OffsetDateTime,
    pub most: i64,
}
