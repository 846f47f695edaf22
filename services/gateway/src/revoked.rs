//! The sessions that ended before their tokens did, as users writes them into Redis.

use std::{
    collections::HashSet,
    sync::{Arc, PoisonError, RwLock},
};

use cache::Cache;
use uuid::Uuid;
use values::SharedClock;

/// A copy that is at most a second old. While Redis is down the last one stays; tokens live ten minutes anyway.
pub struct Revoked {
    cache: Cache,
    clock: SharedClock,
    sessions: RwLock<Arc<HashSet<Uuid>>>,
}

impl Revoked {
    /// An empty copy.
    pub fn new(cache: Cache, clock: SharedClock) -> Self {
        Self { cache, clock, sessions: RwLock::default() }
    }

    /// Reads them anew. A failure is no news: `cache` has told of it.
    pub async fn refresh(&self) {
        if let Ok(sessions) = self.cache.revoked(self.clock.now()).await {
            *self.sessions.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(sessions);
        }
    }

    /// Whether the session has ended.
    pub fn contains(&self, session: Uuid) -> bool {
        self.sessions.read().unwrap_or_else(PoisonError::into_inner).contains(&session)
    }
}
