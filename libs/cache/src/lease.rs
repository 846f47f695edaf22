//! Leases: one replica at a time does a periodic job. They save work and protect nothing; rows are claimed in the database.

use std::{sync::LazyLock, time::Duration};

use redis::Script;
use uuid::Uuid;

use crate::{Cache, value::milliseconds};

/// Gives back only what is still ours.
static RELEASE: LazyLock<Script> = LazyLock::new(|| {
    Script::new("if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) else return 0 end")
});

/// A lease that was taken. Dropped, it lasts until its time is over, which keeps other replicas from repeating the job at once.
#[derive(Debug)]
#[must_use = "without the lease the work is not to be done"]
pub struct Lease {
    cache: Cache,
    key: String,
    token: String,
}

impl Lease {
    /// Takes the lease `name` for `ttl`; `None` when somebody else has it. When Redis is down everybody gets it.
    pub async fn try_take(cache: &Cache, name: &str, ttl: Duration) -> Option<Self> {
        let lease =
            Self { cache: cache.clone(), key: cache.key(&["lease", name]), token: Uuid::new_v4().simple().to_string() };
        let taken = cache.link.run("lease", async |mut redis| {
            let mut set = redis::cmd("SET");
            set.arg(&lease.key).arg(&lease.token).arg("NX").arg("PX").arg(milliseconds(ttl));
            set.query_async::<Option<String>>(&mut redis).await
        });
        match taken.await {
            Ok(None) => None,
            Ok(Some(_)) | Err(_) => Some(lease),
        }
    }

    /// Gives the lease back before its time; somebody else may take it at once.
    pub async fn release(self) {
        let released = self.cache.link.run("release", async |mut redis| {
            let mut call = RELEASE.prepare_invoke();
            call.key(&self.key).arg(&self.token).invoke_async::<u32>(&mut redis).await
        });
        // What could not be given back ends by itself.
        let _ = released.await;
    }
}
