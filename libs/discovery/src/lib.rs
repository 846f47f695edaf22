//! Finding the replicas of a service: a balanced gRPC channel over wherever they are.
//!
//! What is called over the channel, and with which headers, is the business of `rpc` and `auth`; who we are to the
//! replicas, of `tls`. Reading order: a target, where its replicas come from, all of them, one of them, its
//! connection; a call and its request.

mod target;

mod kubernetes;
mod slices;
mod source;

mod dial;
mod replica;
mod replicas;

mod channel;
mod request;

pub use source::Discovery;
pub use target::{NotATarget, Target};

/// A channel that spreads calls over the replicas, as the process's own identity. Connections are made when they are
/// needed and made again when they break, so the service need not run yet. Must be called inside the tokio runtime;
/// clones share the connections.
pub fn channel(target: &Target) -> rpc::client::Channel {
    Discovery::of_process().channel(target)
}
