//! Tokens that were checked a moment ago. Checking a signature costs a hundred times more than looking here.

use crate::{Caller, Refused};
use ring::digest::{SHA256, digest};
use std::{
    collections::HashMap,
    mem,
    sync::{Arc, Mutex, PoisonError},
};

/// A generation holds so many tokens; two generations are kept.
const GENERATION: usize = 2_048;
/// A token is believed so long without being checked again, in seconds: a key that is withdrawn stops working this soon.
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

#[derive(Debug, Default)]
struct Generations {
    young: HashMap<Digest, (Arc<Proof>, i64)>,
    old: HashMap<Digest, (Arc<Proof>, i64)>,
}

/// The tokens, by digest so that the memory of the process holds no list of them.
#[derive(Debug, Default)]
pub(crate) struct Remembered(Mutex<Generations>);

fn key(token: &str) -> Digest {
    let mut key = Digest::default();
    key.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
    key
}

impl Remembered {
    /// What the token proved, if it was checked within the last minute and has not expired.
    pub(crate) fn find(&self, token: &str, now: i64) -> Option<Arc<Proof>> {
        let key = key(token);
        let generations = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (proof, until) = generations.young.get(&key).or_else(|| generations.old.get(&key))?;
        (now < *until && *until - now <= BELIEVED).then(|| Arc::clone(proof))
    }

    /// Notes what a token proved.
    pub(crate) fn note(&self, token: &str, proof: Arc<Proof>, now: i64) {
        let until = proof.expires.min(now + BELIEVED);
        if until <= now {
            return;
        }
        let mut generations = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if generations.young.len() >= GENERATION {
            generations.old = mem::take(&mut generations.young);
        }
        generations.young.insert(key(token), (proof, until));
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
        for number in 0..3 * GENERATION {
            remembered.note(&number.to_string(), proof(1_000), 100);
        }
        let generations = remembered.0.lock().unwrap();
        assert!(generations.young.len() + generations.old.len() <= 2 * GENERATION);
        drop(generations);
        assert!(remembered.find("0", 100).is_none());
        assert!(remembered.find(&(3 * GENERATION - 1).to_string(), 100).is_some());
    }
}
