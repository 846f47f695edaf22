//! What every call between processes shares, whoever is calling: refusals, deadlines, request ids, traces and retries.
//!
//! - [`Kind`]: nine kinds of refusal and, with [`KindOnWire`], the one table to gRPC and HTTP
//! - [`Refusal`], [`status`], [`Problem`]: from a service's error to the wire and back
//! - [`Fields`]: parsing a request at the door, every mistake at once
//! - [`Context`], [`deadline`], [`trace`]: what travels with a call
//! - [`client`]: what the calling side adds
//!
//! Who the caller is does not live here: that is `auth`.

pub mod client;
mod context;
pub mod deadline;
mod fields;
mod idempotency;
mod kind;
mod problem;
mod refusal;
pub mod trace;

pub use context::{Context, REQUEST_ID, RequestId};
pub use deadline::Deadline;
pub use fields::{Fields, Invalid, Taken};
pub use idempotency::{IDEMPOTENCY_KEY, idempotency_key};
pub use kind::KindOnWire;
pub use problem::{DEADLINE_EXCEEDED, DOMAIN, Problem};
pub use refusal::{chain, status};
pub use values::{
    Mistake, Params, ViolationCode,
    refusal::{Kind, Refusal, Violation},
};
