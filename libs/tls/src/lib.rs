//! TLS between the processes of the fleet: who a process is, whom it trusts, and new files taken up while it runs.
//!
//! Which listener or client uses an identity is decided by `chassis` and `discovery`; which certificates there are,
//! by whoever runs the fleet.

mod certificate;
mod connector;
mod files;
mod identity;

pub use connector::{Acceptor, Connector, Stream, server_name};
pub use files::{Authority, File, Files, Unusable};
pub use identity::{Identity, fleet, install};

/// What is spoken inside TLS, as ALPN names it.
pub const HTTP_2: &[u8] = b"h2";
/// The older one.
pub const HTTP_1: &[u8] = b"http/1.1";
