//! The keys with which people's tokens are checked: fixed, or fetched from whoever issues them.

use crate::{Jwk, Jwks, Refused, refused::Flaw};
use futures::future::BoxFuture;
use std::{
    fmt,
    future::Future,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
    time::Duration,
};
use tokio::{
    sync::Mutex,
    time::{Instant, timeout},
};

/// How often the source is asked.
#[derive(Clone, Copy)]
struct Pace {
    /// Keys older than this are fetched again, behind the back of the calls that use them.
    fresh: Duration,
    /// An unknown key id makes us ask at most this often: ids are chosen by whoever sends a token.
    pause: Duration,
    /// A source that failed is asked again after this.
    after_failure: Duration,
    /// How long the source may take.
    patience: Duration,
}

const PACE: Pace = Pace {
    fresh: Duration::from_secs(300),
    pause: Duration::from_secs(5),
    after_failure: Duration::from_secs(1),
    patience: Duration::from_secs(2),
};

type Source = Box<dyn Fn() -> BoxFuture<'static, anyhow::Result<Jwks>> + Send + Sync>;

/// The keys of whoever issues people's tokens. Clones share what they know.
#[derive(Clone)]
pub struct Keys(Arc<Inner>);

struct Inner {
    key_set: RwLock<KeySet>,
    /// KeySet by whoever is fetching: only one does at a time.
    fetching: Arc<Mutex<()>>,
    source: Option<Source>,
    pace: Pace,
}

#[derive(Default)]
struct KeySet {
    keys: Jwks,
    /// When the source last answered.
    fetched: Option<Instant>,
    /// When the source was last asked; after a failure, when that was known.
    asked: Option<Instant>,
}

impl KeySet {
    fn is_stale(&self, now: Instant, pace: Pace) -> bool {
        self.fetched.is_none_or(|fetched| now.duration_since(fetched) >= pace.fresh)
    }

    /// Whether the last answer is missing.
    fn failed(&self) -> bool {
        self.fetched < self.asked
    }

    fn may_ask(&self, now: Instant, pace: Pace) -> bool {
        let pause = if self.failed() { pace.after_failure } else { pace.pause };
        self.asked.is_none_or(|asked| now.duration_since(asked) >= pause)
    }
}

impl Keys {
    /// Keys that never change.
    pub fn fixed(keys: Jwks) -> Self {
        Self::with(KeySet { keys, ..KeySet::default() }, None, PACE)
    }

    /// Keys that are fetched when they are first needed, every five minutes, and when a token names an unknown one
    /// (at most every five seconds). While the source is down, the keys that are known stay in use.
    pub fn fetched<F, Answer>(fetch: F) -> Self
    where
        F: Fn() -> Answer + Send + Sync + 'static,
        Answer: Future<Output = anyhow::Result<Jwks>> + Send + 'static,
    {
        Self::with(KeySet::default(), Some(Box::new(move || Box::pin(fetch()))), PACE)
    }

    /// The keys with which the users service signs, asked of it over a plain channel: its rpc is public, so nobody
    /// has to prove anything.
    pub fn published(users: impl Into<rpc::client::Channel>) -> Self {
        let users = users.into();
        Self::fetched(move || Jwks::published(users.clone()))
    }

    fn with(key_set: KeySet, source: Option<Source>, pace: Pace) -> Self {
        Self(Arc::new(Inner { key_set: RwLock::new(key_set), fetching: Arc::default(), source, pace }))
    }

    /// The key with this id; `None` if there is none. Fails when that cannot be found out.
    pub(crate) async fn find(&self, kid: &str) -> Result<Option<Jwk>, Refused> {
        let (known, stale) = {
            let key_set = self.0.key_set();
            (key_set.keys.get(kid).cloned(), key_set.is_stale(Instant::now(), self.0.pace))
        };
        let Some(source) = &self.0.source else { return Ok(known) };
        if known.is_some() {
            if stale {
                self.refresh_behind();
            }
            return Ok(known);
        }
        let _turn = self.0.fetching.lock().await;
        // Whoever had the turn before may have brought the key.
        if let Some(known) = self.0.known(kid) {
            return Ok(Some(known));
        }
        if self.0.claim() {
            self.0.fetch(source).await;
        }
        let key_set = self.0.key_set();
        match key_set.keys.get(kid) {
            None if key_set.failed() => Err(Refused::KeysUnavailable(Flaw("the source of keys does not answer"))),
            found => Ok(found.cloned()),
        }
    }

    #[expect(clippy::disallowed_methods, reason = "a refresh that is lost at shutdown is not missed")]
    fn refresh_behind(&self) {
        let Ok(turn) = Arc::clone(&self.0.fetching).try_lock_owned() else { return };
        if self.0.claim() {
            let inner = Arc::clone(&self.0);
            tokio::spawn(async move {
                if let Some(source) = &inner.source {
                    inner.fetch(source).await;
                }
                drop(turn);
            });
        }
    }
}

impl Inner {
    fn key_set(&self) -> RwLockReadGuard<'_, KeySet> {
        self.key_set.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn key_set_mut(&self) -> RwLockWriteGuard<'_, KeySet> {
        self.key_set.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn known(&self, kid: &str) -> Option<Jwk> {
        self.key_set().keys.get(kid).cloned()
    }

    /// Takes the right to ask the source, if it is time.
    fn claim(&self) -> bool {
        let now = Instant::now();
        let mut key_set = self.key_set_mut();
        let granted = key_set.may_ask(now, self.pace);
        if granted {
            key_set.asked = Some(now);
        }
        granted
    }

    async fn fetch(&self, source: &Source) {
        match timeout(self.pace.patience, source()).await {
            Ok(Ok(keys)) if !keys.keys().is_empty() => {
                let mut key_set = self.key_set_mut();
                key_set.keys = keys;
                key_set.fetched = Some(Instant::now());
                return;
            }
            Ok(Ok(_)) => tracing::warn!("the source of keys has none; the known keys stay in use"),
            Ok(Err(error)) => {
                let error = rpc::chain(error.as_ref());
                tracing::warn!(error, "the keys cannot be fetched; the known ones stay in use");
            }
            Err(_) => tracing::warn!("the source of keys does not answer; the known keys stay in use"),
        }
        // Whoever waited for this answer has it, too: one after the other, each would wait for a failure of its own.
        self.key_set_mut().asked = Some(Instant::now());
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key_set = self.0.key_set();
        let kids: Vec<_> = key_set.keys.keys().iter().map(Jwk::kid).collect();
        out.debug_struct("Keys").field("kids", &kids).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Signer;
    use std::sync::{
        Mutex as Lock,
        atomic::{AtomicU32, Ordering},
    };

    const QUICK: Pace = Pace {
        fresh: Duration::from_secs(300),
        pause: Duration::from_millis(40),
        after_failure: Duration::from_millis(10),
        patience: Duration::from_millis(50),
    };

    /// What the source answers at the moment; `None`: not at all.
    type Answer = Arc<Lock<Option<Result<Jwks, &'static str>>>>;

    fn set(kids: &[&str]) -> Jwks {
        let key = |kid: &&str| Signer::from_pkcs8(kid, &Signer::generate().unwrap()).unwrap().public_jwk();
        Jwks::new(kids.iter().map(key)).unwrap()
    }

    fn keys(pace: Pace, first: Option<Result<Jwks, &'static str>>) -> (Keys, Answer, Arc<AtomicU32>) {
        let (answer, asked) = (Arc::new(Lock::new(first)), Arc::new(AtomicU32::new(0)));
        let (source, count) = (Arc::clone(&answer), Arc::clone(&asked));
        let source: Source = Box::new(move || {
            count.fetch_add(1, Ordering::SeqCst);
            let answer = source.lock().unwrap().clone();
            Box::pin(async move {
                tokio::task::yield_now().await;
                match answer {
                    Some(answer) => answer.map_err(anyhow::Error::msg),
                    None => std::future::pending().await,
                }
            })
        });
        (Keys::with(KeySet::default(), Some(source), pace), answer, asked)
    }

    async fn found(keys: &Keys, kid: &str) -> Result<bool, &'static str> {
        keys.find(kid).await.map(|key| key.is_some()).map_err(|refused| rpc::Refusal::reason(&refused))
    }

    /// Asks until the answer is the wanted one.
    async fn until(keys: &Keys, kid: &str, wanted: Result<bool, &'static str>) {
        let wait = async {
            while found(keys, kid).await != wanted {
                tokio::task::yield_now().await;
            }
        };
        timeout(Duration::from_secs(5), wait).await.expect(kid);
    }

    #[tokio::test]
    async fn many_calls_at_once_fetch_the_keys_once() {
        let (keys, _, asked) = keys(PACE, Some(Ok(set(&["a"]))));
        let calls = futures::future::join_all((0..50).map(|_| found(&keys, "a"))).await;
        assert!(calls.into_iter().all(|call| call == Ok(true)));
        assert_eq!(asked.load(Ordering::SeqCst), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn many_calls_at_once_wait_once_for_a_source_that_does_not_answer() {
        let (keys, _, asked) = keys(PACE, None);
        let began = Instant::now();
        let kids: Vec<String> = (0..20).map(|kid| kid.to_string()).collect();
        let calls = futures::future::join_all(kids.iter().map(|kid| found(&keys, kid))).await;
        assert!(calls.into_iter().all(|call| call == Err("KEYS_UNAVAILABLE")));
        assert_eq!((asked.load(Ordering::SeqCst), began.elapsed()), (1, PACE.patience));
    }

    #[tokio::test]
    async fn an_unknown_key_is_asked_for_but_not_by_every_call() {
        let (keys, answer, asked) = keys(PACE, Some(Ok(set(&["a"]))));
        assert_eq!(found(&keys, "a").await, Ok(true));
        for kid in 0..100 {
            assert_eq!(found(&keys, &kid.to_string()).await, Ok(false));
        }
        assert_eq!(asked.load(Ordering::SeqCst), 1);
        drop(answer);
    }

    #[tokio::test]
    async fn a_rotated_key_is_found() {
        let (keys, answer, _) = keys(QUICK, Some(Ok(set(&["a"]))));
        assert_eq!(found(&keys, "a").await, Ok(true));
        *answer.lock().unwrap() = Some(Ok(set(&["a", "b"])));
        until(&keys, "b", Ok(true)).await;
    }

    #[tokio::test]
    async fn known_keys_stay_in_use_while_the_source_is_down() {
        let stale = Pace { fresh: Duration::ZERO, ..QUICK };
        let (keys, answer, asked) = keys(stale, Some(Ok(set(&["a"]))));
        assert_eq!(found(&keys, "a").await, Ok(true));
        for down in [Some(Err("down")), None, Some(Ok(Jwks::default()))] {
            *answer.lock().unwrap() = down;
            let before = asked.load(Ordering::SeqCst);
            let wait = async {
                while asked.load(Ordering::SeqCst) < before + 2 {
                    assert_eq!(found(&keys, "a").await, Ok(true));
                    tokio::task::yield_now().await;
                }
            };
            timeout(Duration::from_secs(5), wait).await.expect("a stale key set is fetched again");
            until(&keys, "b", Err("KEYS_UNAVAILABLE")).await;
        }
        *answer.lock().unwrap() = Some(Ok(set(&["b"])));
        until(&keys, "b", Ok(true)).await;
        assert_eq!(found(&keys, "a").await, Ok(false), "a withdrawn key is forgotten");
    }

    #[tokio::test]
    async fn without_any_keys_nothing_is_said_about_a_token() {
        for down in [Some(Err("down")), None, Some(Ok(Jwks::default()))] {
            let (keys, answer, _) = keys(QUICK, down);
            assert_eq!(found(&keys, "a").await, Err("KEYS_UNAVAILABLE"));
            *answer.lock().unwrap() = Some(Ok(set(&["a"])));
            until(&keys, "a", Ok(true)).await;
        }
    }

    #[tokio::test]
    async fn fixed_keys_are_all_there_is() {
        let keys = Keys::fixed(set(&["a"]));
        assert_eq!((found(&keys, "a").await, found(&keys, "b").await), (Ok(true), Ok(false)));
    }
}
