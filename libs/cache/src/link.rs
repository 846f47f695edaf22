//! The connections to Redis: opened when they are needed, given a rest when they fail.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use deadpool_redis::{Connection, Manager, Pool, PoolError};
use redis::{
    AsyncConnectionConfig, Client, ErrorKind, IntoConnectionInfo, RedisError, RedisResult, ServerErrorKind,
    TlsCertificates,
};
use tls::Authority;
use tokio::time::{Instant, timeout};
use values::{SharedClock, SystemClock};

use crate::Down;

/// What an operation may take altogether, connecting included.
const BUDGET: Duration = Duration::from_millis(250);

/// How long Redis is left alone after a failure: nobody should wait for it again and again.
const REST: Duration = Duration::from_secs(1);

/// Connections at the most. Commands take well under a millisecond, so that few serve many.
const CONNECTIONS: usize = 8;

/// How often the file of the authority is looked at.
const LOOKED_AT_EVERY: Duration = Duration::from_secs(10);

/// A small pool: it finds a dead connection when it is taken out, and opens another.
pub(crate) struct Link {
    url: String,
    authority: Option<Authority>,
    trusting: Mutex<Trusting>,
    health: Mutex<Health>,
}

/// The pool of those who believe one authority.
struct Trusting {
    pool: Pool,
    /// The authority's certificates, in PEM.
    authority: Option<String>,
    /// When the file was looked at; not since the last failure where there is none.
    looked_at: Option<Instant>,
}

#[derive(Debug, Default)]
struct Health {
    resting_until: Option<Instant>,
    down: bool,
}

/// Without the client, whose address holds a password.
impl std::fmt::Debug for Link {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Link").field("health", &self.health).finish_non_exhaustive()
    }
}

impl Link {
    pub(crate) fn new(url: &str, authority: Option<Authority>) -> RedisResult<Self> {
        let pem = authority.as_ref().map(|authority| authority.pem.clone());
        let trusting =
            Trusting { pool: Self::open(url, pem.as_deref())?, authority: pem, looked_at: Some(Instant::now()) };
        Ok(Self { url: url.to_owned(), authority, trusting: Mutex::new(trusting), health: Mutex::default() })
    }

    fn open(url: &str, authority: Option<&str>) -> RedisResult<Pool> {
        // A little less than the budget, so that the failure is Redis's and names its cause.
        let limit = Some(BUDGET / 2);
        let config = AsyncConnectionConfig::new().set_connection_timeout(limit).set_response_timeout(limit);
        let info = match authority {
            Some(pem) => {
                let certificates = TlsCertificates { client_tls: None, root_cert: Some(pem.as_bytes().to_vec()) };
                Client::build_with_tls(url, certificates)?.get_connection_info().clone()
            }
            None => url.into_connection_info()?,
        };
        let manager = Manager::new_with_config(info, config)?;
        let pool = Pool::builder(manager).max_size(CONNECTIONS).build();
        pool.map_err(|error| RedisError::from((ErrorKind::Client, "no pool", error.to_string())))
    }

    /// The pool; a new one where the authority's file has changed.
    fn pool(&self) -> Pool {
        let mut trusting = self.trusting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(authority) = &self.authority
            && trusting.looked_at.is_none_or(|at| at.elapsed() >= LOOKED_AT_EVERY)
        {
            trusting.looked_at = Some(Instant::now());
            let clock: SharedClock = Arc::new(SystemClock);
            let pem = Some(authority.current(&clock));
            if pem != trusting.authority {
                match Self::open(&self.url, pem.as_deref()) {
                    Ok(pool) => (trusting.pool, trusting.authority) = (pool, pem),
                    Err(error) => tracing::warn!(error = %error, "Redis's new authority cannot be used"),
                }
            }
        }
        trusting.pool.clone()
    }

    /// Runs one operation. `name` is what metrics call it.
    pub(crate) async fn run<T>(
        &self,
        name: &'static str,
        operation: impl AsyncFnOnce(Connection) -> RedisResult<T>,
    ) -> Result<T, Down> {
        if self.rests() {
            count(name, "skipped");
            return Err(Down);
        }
        let done = timeout(BUDGET, async { operation(self.connection().await?).await }).await;
        match done {
            Ok(Ok(answer)) => {
                self.answered();
                count(name, "done");
                Ok(answer)
            }
            Ok(Err(error)) if is_the_command(&error) => {
                tracing::error!(operation = name, error = %error, "Redis refuses the command {name}");
                count(name, "refused");
                Err(Down)
            }
            Ok(Err(error)) => Err(self.failed(name, &error.to_string())),
            Err(_) => Err(self.failed(name, "no answer in time")),
        }
    }

    async fn connection(&self) -> RedisResult<Connection> {
        self.pool().get().await.map_err(|error| match error {
            PoolError::Backend(error) => error,
            other => RedisError::from((ErrorKind::Io, "no connection", other.to_string())),
        })
    }

    fn rests(&self) -> bool {
        let health = self.health.lock().unwrap_or_else(PoisonError::into_inner);
        health.resting_until.is_some_and(|until| Instant::now() < until)
    }

    fn answered(&self) {
        let mut health = self.health.lock().unwrap_or_else(PoisonError::into_inner);
        health.resting_until = None;
        if std::mem::take(&mut health.down) {
            tracing::info!("Redis answers again");
        }
        metrics::gauge!("cache_up").set(1);
    }

    fn failed(&self, name: &'static str, error: &str) -> Down {
        let mut health = self.health.lock().unwrap_or_else(PoisonError::into_inner);
        health.resting_until = Some(Instant::now() + REST);
        if !std::mem::replace(&mut health.down, true) {
            tracing::warn!(operation = name, error, "Redis does not answer, going on without it");
        }
        drop(health);
        // They may lead to what was the primary before a failover: that answers, but takes no writes any more.
        let mut trusting = self.trusting.lock().unwrap_or_else(PoisonError::into_inner);
        trusting.pool.retain(|_, _| false);
        trusting.looked_at = None;
        drop(trusting);
        metrics::gauge!("cache_up").set(0);
        count(name, "failed");
        Down
    }
}

fn count(name: &'static str, outcome: &'static str) {
    metrics::counter!("cache_operations_total", "operation" => name, "outcome" => outcome).increment(1);
}

/// Whether the command is wrong, rather than Redis unable to serve it.
fn is_the_command(error: &RedisError) -> bool {
    matches!(
        error.kind(),
        ErrorKind::UnexpectedReturnType
            | ErrorKind::Client
            | ErrorKind::Extension
            | ErrorKind::Server(ServerErrorKind::ResponseError)
    )
}
