//! Finding the replicas of a service: a balanced gRPC channel over wherever they are.
//!
//! What is called over the channel, and with which headers, is the business of `rpc` and `auth`.

mod source;
mod target;

pub use target::{NotATarget, Target};

use std::time::Duration;

use tonic::transport::{Channel, Endpoint};

/// How long connecting to one replica may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// How often a replica is asked whether it is still there, and how long it may take to say so: one that vanished without a word is
/// noticed within the sum.
const KEEP_ALIVE: Duration = Duration::from_secs(10);
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(5);

/// Changes that may wait to be taken up.
const CHANGES: usize = 128;

/// A channel that spreads calls over the replicas. Connections are made when they are needed and made again when they break, so the
/// service need not run yet. Must be called inside the tokio runtime; clones share the connections.
pub fn channel(target: &Target) -> Channel {
    let (channel, changes) = Channel::balance_channel(target.addresses().len().max(CHANGES));
    source::fixed(target, &changes);
    channel
}

fn endpoint(address: &http::Uri) -> Endpoint {
    Endpoint::from(address.clone())
        .connect_timeout(CONNECT_TIMEOUT)
        .http2_keep_alive_interval(KEEP_ALIVE)
        .keep_alive_timeout(KEEP_ALIVE_TIMEOUT)
        .keep_alive_while_idle(true)
}
