//! Redis, as something that saves work and is never needed: every operation has a small budget, and everything
//! degrades when Redis is down.
//!
//! Nothing is kept here that may not be lost. Reading order: the link to Redis and when it rests, rate limits,
//! revocations.

mod link;

mod gcra;
mod limit;

mod revoked;

pub use limit::{Decision, RateLimit};

use std::sync::Arc;

use tls::Authority;

/// A place in Redis: all keys begin with a prefix. Clones share a few connections.
#[derive(Debug, Clone)]
pub struct Cache {
    link: Arc<link::Link>,
    prefix: Arc<str>,
}

/// An address that is not Redis's.
#[derive(Debug, thiserror::Error)]
#[error("expected an address such as redis://:password@host:6379/0")]
pub struct BadAddress(#[source] redis::RedisError);

/// Redis has not answered, or not in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Redis does not answer")]
pub struct Down;

impl Cache {
    /// Remembers the address and connects when the first operation needs it. Services that share keys, such as
    /// revocations, use the same prefix.
    pub fn connect(url: &str, prefix: &str) -> Result<Self, BadAddress> {
        Self::trusting(url, prefix, None)
    }

    /// The same for a Redis whose certificate is from `authority`; the address begins with `rediss` then. The server's
    /// name and certificate are always checked. A new authority in the same file is taken up soon.
    pub fn trusting(url: &str, prefix: &str, authority: Option<Authority>) -> Result<Self, BadAddress> {
        let link = link::Link::new(url, authority).map_err(BadAddress)?;
        Ok(Self { link: Arc::new(link), prefix: prefix.into() })
    }

    fn key(&self, parts: &[&str]) -> String {
        let mut key = String::from(&*self.prefix);
        key.push_str(&parts.join(":"));
        key
    }
}
