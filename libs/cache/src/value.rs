//! Values by key. What is in them and when they become wrong is the caller's business.

use std::{
    collections::HashMap,
    future::Future,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use crate::{Cache, Down};

/// The loads that are under way, so that many who miss the same key cause one load.
#[derive(Debug, Default)]
pub(crate) struct Flights {
    open: Mutex<HashMap<String, Arc<Flight>>>,
}

/// Held by whoever loads; what was loaded is left for those who waited.
type Flight = tokio::sync::Mutex<Option<Vec<u8>>>;

impl Cache {
    /// The value of a key; `None` also when Redis is down.
    pub async fn get(&self, key: &str) -> Option<Vec<u8>> {
        let key = self.key(&[key]);
        let got = self.link.run("get", async |mut redis| redis::cmd("GET").arg(&key).query_async(&mut redis).await);
        got.await.unwrap_or(None)
    }

    /// Keeps a value for `ttl` at most; not at all when Redis is down.
    pub async fn put(&self, key: &str, value: &[u8], ttl: Duration) {
        let key = self.key(&[key]);
        let milliseconds = milliseconds(ttl);
        let put = self.link.run("put", async |mut redis| {
            redis::cmd("SET").arg(&key).arg(value).arg("PX").arg(milliseconds).query_async::<()>(&mut redis).await
        });
        // What could not be kept is loaded again.
        let _ = put.await;
    }

    /// Forgets a key. Whoever must be sure learns that Redis is down, and then the value may live until its `ttl`.
    pub async fn delete(&self, key: &str) -> Result<(), Down> {
        let key = self.key(&[key]);
        let deleted =
            self.link.run("delete", async |mut redis| redis::cmd("DEL").arg(&key).query_async::<()>(&mut redis).await);
        deleted.await
    }

    /// The cached value, else what `load` answers, which is then kept for `ttl`. Of those in this process who miss the same key at the same
    /// time one loads and the others wait for it; when it fails, the next one tries. When Redis is down, `load` is asked.
    pub async fn read_through<E, F>(&self, key: &str, ttl: Duration, load: impl FnOnce() -> F) -> Result<Vec<u8>, E>
    where
        F: Future<Output = Result<Vec<u8>, E>>,
    {
        if let Some(value) = self.get(key).await {
            return Ok(value);
        }
        let _landing = Landing { flights: &self.flights, key };
        let flight = self.flights.join(key);
        let mut loaded = flight.lock().await;
        if let Some(value) = &*loaded {
            return Ok(value.clone());
        }
        let value = load().await?;
        self.put(key, &value, ttl).await;
        *loaded = Some(value.clone());
        Ok(value)
    }
}

impl Flights {
    fn join(&self, key: &str) -> Arc<Flight> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(open.entry(key.to_owned()).or_default())
    }
}

/// Takes the flight off the board, also when its load has failed or was cancelled. Later callers begin a new one and do not get what
/// may be old by then.
struct Landing<'a> {
    flights: &'a Flights,
    key: &'a str,
}

impl Drop for Landing<'_> {
    fn drop(&mut self) {
        let mut open = self.flights.open.lock().unwrap_or_else(PoisonError::into_inner);
        let landed = open.get(self.key).is_some_and(|flight| {
            // Those who still wait keep it: one of them loads next, if this one did not.
            flight.try_lock().is_ok_and(|loaded| loaded.is_some()) || Arc::strong_count(flight) == 1
        });
        if landed {
            open.remove(self.key);
        }
    }
}

/// Whole milliseconds, at least one: Redis refuses zero.
pub(crate) fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1)
}
