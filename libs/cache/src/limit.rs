//! Rate limits that all replicas share; while Redis is down each replica counts for itself.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, LazyLock, Mutex, PoisonError},
    time::Duration,
};

use redis::Script;
use tokio::time::Instant;

use crate::{Cache, gcra::Pace};

/// The rule of `gcra`, with Redis's clock, so that the clocks of the replicas do not matter. Answers whether the
/// request passes and the backlog that it leaves.
static SCRIPT: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local time = redis.call('time')
         local now = time[1] * 1000000 + time[2]
         local interval, window = tonumber(ARGV[1]), tonumber(ARGV[2])
         local free = math.max(tonumber(redis.call('get', KEYS[1]) or now), now)
         if free + interval - now > window then return {0, free - now} end
         local backlog = free + interval - now
         redis.call('set', KEYS[1], string.format('%.0f', free + interval), 'px', math.ceil(backlog / 1000))
         return {1, backlog}",
    )
});

/// Keys that are counted locally before the old ones are thrown away.
const LOCAL_KEYS: usize = 10_000;

/// So many requests in so long a window, for each key. Clones share the counts.
#[derive(Debug, Clone)]
pub struct RateLimit {
    cache: Cache,
    name: &'static str,
    limit: u32,
    window: Duration,
    pace: Pace,
    local: Arc<Local>,
}

/// What a check has found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// The limit's name.
    pub name: &'static str,
    /// Whether the request may pass.
    pub allowed: bool,
    /// How many requests a window has room for.
    pub limit: u32,
    /// The window.
    pub window: Duration,
    /// How many more would pass now.
    pub remaining: u32,
    /// When the whole limit is free again.
    pub reset_after: Duration,
    /// When a refused request may be tried again; zero for one that passed.
    pub retry_after: Duration,
}

impl RateLimit {
    /// At most `limit` requests (at least 1) in a `window` for each key. `name` is part of the keys and of the headers.
    pub fn new(cache: &Cache, name: &'static str, limit: u32, window: Duration) -> Self {
        let pace = Pace::new(limit, micros(window));
        Self { cache: cache.clone(), name, limit: limit.max(1), window, pace, local: Arc::new(Local::new()) }
    }

    /// Counts a request of `key`, such as an address or a person.
    pub async fn check(&self, key: &str) -> Decision {
        let whole = self.cache.key(&["limit", self.name, key]);
        let counted = self.cache.link.run("limit", async |mut redis| {
            let mut call = SCRIPT.prepare_invoke();
            call.key(&whole).arg(self.pace.interval).arg(self.pace.window).invoke_async::<(bool, u64)>(&mut redis).await
        });
        let (allowed, backlog) = match counted.await {
            Ok(counted) => counted,
            Err(_) => self.local.count(self.pace, key),
        };
        let outcome = if allowed { "passed" } else { "refused" };
        metrics::counter!("rate_limit_checks_total", "limit" => self.name, "outcome" => outcome).increment(1);
        let wait = if allowed { 0 } else { self.pace.wait(backlog) };
        Decision {
            name: self.name,
            allowed,
            limit: self.limit,
            window: self.window,
            remaining: u32::try_from(self.pace.remaining(backlog)).unwrap_or(u32::MAX),
            reset_after: Duration::from_micros(backlog),
            retry_after: Duration::from_micros(wait),
        }
    }
}

impl Decision {
    /// The value of the `RateLimit` header: what is left, and in how many seconds everything is free again.
    pub fn header(&self) -> impl fmt::Display + use<> {
        let (name, remaining, reset) = (self.name, self.remaining, seconds(self.reset_after));
        fmt::from_fn(move |out| write!(out, "\"{name}\";r={remaining};t={reset}"))
    }

    /// The value of the `RateLimit-Policy` header: the limit and its window in seconds.
    pub fn policy(&self) -> impl fmt::Display + use<> {
        let (name, limit, window) = (self.name, self.limit, seconds(self.window));
        fmt::from_fn(move |out| write!(out, "\"{name}\";q={limit};w={window}"))
    }

    /// The value of the `Retry-After` header: whole seconds, at least one.
    pub fn retry_after_seconds(&self) -> u64 {
        seconds(self.retry_after).max(1)
    }
}

/// The counts of this process alone.
#[derive(Debug)]
struct Local {
    begun: Instant,
    free: Mutex<HashMap<String, u64>>,
}

impl Local {
    fn new() -> Self {
        Self { begun: Instant::now(), free: Mutex::default() }
    }

    fn count(&self, pace: Pace, key: &str) -> (bool, u64) {
        let now = micros(self.begun.elapsed());
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        if free.len() >= LOCAL_KEYS {
            free.retain(|_, until| *until > now);
        }
        if free.len() >= LOCAL_KEYS {
            // Everybody starts afresh: better than memory without a bound.
            free.clear();
        }
        let until = free.entry(key.to_owned()).or_default();
        let decided = pace.decide(*until, now);
        *until = decided.unwrap_or_else(|unchanged| unchanged);
        (decided.is_ok(), until.saturating_sub(now))
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// Whole seconds, rounded up: a client that waits so long is not too early.
fn seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_local_counts_do_not_grow_without_bound() {
        let local = Local::new();
        let pace = Pace::new(1, 1_000_000);
        for key in 0..=LOCAL_KEYS {
            assert!(local.count(pace, &key.to_string()).0);
        }
        assert!(local.free.lock().unwrap().len() <= LOCAL_KEYS);
    }

    #[test]
    fn the_headers_follow_the_draft_of_the_ietf() {
        let decision = Decision {
            name: "caller",
            allowed: false,
            limit: 100,
            window: Duration::from_secs(60),
            remaining: 0,
            reset_after: Duration::from_millis(59_001),
            retry_after: Duration::from_millis(200),
        };
        assert_eq!(decision.header().to_string(), "\"caller\";r=0;t=60");
        assert_eq!(decision.policy().to_string(), "\"caller\";q=100;w=60");
        assert_eq!(decision.retry_after_seconds(), 1);
    }
}
