//! Tokens that were checked a moment ago. Checking a signature costs a hundred times more than looking here.

use crate::{Caller, Refused};
use moka::sync::Cache;
use ring::digest::{SHA256, digest};
use std::sync::Arc;

/// So many tokens are remembered at most.
const TOKENS: u64 = 4_096;
/// A token is believed so long without being checked again, in seconds: a key that is withdrawn stops working this
/// soon.
const BELIEVED: i64 = 60;

/// What a good token proved.
#[derive(Debug)]
pub(crate) struct Proof {
    pub(crate) caller: Arc<Caller>,
    /// The only service that may believe it, if it is a service's token.
    pub(crate) audience: Option<String>,
    /// When it expires, in Unix seconds.
    pub(crate) expires: i64,
}

impl Proof {
    /// Who the token proves to the service that owns the called rpc.
    pub(crate) fn caller_for(&self, target: &str) -> Result<Arc<Caller>, Refused> {
        match &self.audience {
            Some(audience) if audience != target => Err(Refused::token("for another service")),
            _ => Ok(Arc::clone(&self.caller)),
        }
    }
}

type Digest = [u8; 32];

/// The tokens, by digest so that the memory of the process holds no list of them.
///
/// The end of an entry is checked here and not by the cache: it follows the app's clock, which tests set.
#[derive(Debug)]
pub(crate) struct Remembered(Cache<Digest, (Arc<Proof>, i64)>);

fn key(token: &str) -> Digest {
    let mut key = Digest::default();
    key.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
    key
}

impl Default for Remembered {
    fn default() -> Self {
        Self(Cache::new(TOKENS))
    }
}

impl Remembered {
    /// What the token proved, if it was checked within the last minute and has not expired.
    pub(crate) fn find(&self, token: &str, now: i64) -> Option<Arc<Proof>> {
        let (proof, until) = self.0.get(&key(token))?;
        (now < until && until - now <= BELIEVED).then_some(proof)
    }

    /// Notes what a token proved.
    pub(crate) fn note(&self, token: &str, proof: Arc<Proof>, now: i64) {
        let until = proof.expires.min(now + BELIEVED);
        if until > now {
            self.0.insert(key(token), (proof, until));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proof(expires: i64) -> Arc<Proof> {
        Arc::new(Proof { caller: Arc::default(), audience: None, expires })
    }

    #[test]
    fn a_token_is_believed_for_a_minute_and_never_beyond_its_end() {
        let remembered = Remembered::default();
        remembered.note("long", proof(1_000), 100);
        remembered.note("short", proof(120), 100);
        remembered.note("over", proof(90), 100);
        let known = |now| ["long", "short", "over"].map(|token| remembered.find(token, now).is_some());
        assert_eq!(known(100), [true, true, false]);
        assert_eq!(known(119), [true, true, false]);
        assert_eq!(known(120), [true, false, false]);
        assert_eq!(known(160), [false, false, false]);
        assert_eq!(known(10), [false, false, false], "the clock was set back");
    }

    #[test]
    fn the_memory_is_bounded() {
        let remembered = Remembered::default();
        for number in 0..3 * TOKENS {
            remembered.note(&number.to_string(), proof(1_000), 100);
        }
        remembered.0.run_pending_tasks();
        assert!(remembered.0.entry_count() <= TOKENS);
    }
}
