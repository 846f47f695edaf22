//! The pool: opened lazily, bounded in every direction, and watched by gauges.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use sqlx::Connection;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions, PgSslMode};
use tokio_util::sync::CancellationToken;

/// A pool of connections to one service's database.
pub type Pool = sqlx::PgPool;

/// How often the gauges of [`observe`] are set.
const OBSERVED_EVERY: Duration = Duration::from_secs(5);

/// A connection that rested for longer is asked whether it is still alive before somebody gets it.
///
/// Asking always would cost every request a round trip; a connection in constant use shows by itself that it lives.
const TRUSTED_FOR: Duration = Duration::from_secs(1);

/// How to reach a database and how long to wait for it.
#[derive(Clone)]
pub struct Config {
    /// Where the database is, with user and password: `postgres://user:password@host:port/database`.
    pub url: String,
    /// Who we are in `pg_stat_activity`.
    pub application_name: String,
    /// The most connections that this process opens.
    pub max_connections: u32,
    /// How long a caller waits for a connection before it is told that the database is unavailable.
    pub acquire_timeout: Duration,
    /// How long one statement may run.
    pub statement_timeout: Duration,
    /// How long one statement may wait for a lock.
    pub lock_timeout: Duration,
    /// The file of the authority that vouches for the database. With it the connection is encrypted and the server's
    /// name and certificate are checked (`verify-full`), whatever the address says.
    pub authority: Option<PathBuf>,
}

impl Config {
    /// The usual limits: 10 connections, 2 s to get one, 15 s a statement, 5 s a lock.
    ///
    /// A database that is down refuses connections, which are tried again until that time is over: so long does a
    /// caller wait for its 503. It has to be much shorter than the deadline of a request.
    pub fn new(url: impl Into<String>, application_name: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            application_name: application_name.into(),
            max_connections: 10,
            acquire_timeout: Duration::from_secs(2),
            statement_timeout: Duration::from_secs(15),
            lock_timeout: Duration::from_secs(5),
            authority: None,
        }
    }

    /// How a connection is opened, without limits.
    pub(crate) fn options(&self, application_name: &str) -> Result<PgConnectOptions, sqlx::Error> {
        let options = PgConnectOptions::from_str(&self.url)?.application_name(application_name);
        Ok(match &self.authority {
            Some(authority) => options.ssl_mode(PgSslMode::VerifyFull).ssl_root_cert(authority),
            None => options,
        })
    }
}

impl fmt::Debug for Config {
    /// Leaves out the address, because it carries the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("application_name", &self.application_name)
            .field("max_connections", &self.max_connections)
            .finish_non_exhaustive()
    }
}

/// Makes a pool that connects when it is first used, so that a database that is down does not stop a service's start.
///
/// # Errors
///
/// Only when the address cannot be read.
pub async fn connect(config: &Config) -> Result<Pool, sqlx::Error> {
    let milliseconds = |limit: Duration| limit.as_millis().to_string();
    let options = config.options(&config.application_name)?.options([
        ("statement_timeout", milliseconds(config.statement_timeout)),
        ("lock_timeout", milliseconds(config.lock_timeout)),
        // A transaction that was begun and forgotten would hold its locks for ever.
        ("idle_in_transaction_session_timeout", milliseconds(config.statement_timeout * 2)),
    ]);
    let pool = PgPoolOptions::new()
        .max_connections(config.max_connections)
        .acquire_timeout(config.acquire_timeout)
        .test_before_acquire(false)
        .before_acquire(|connection, rested| {
            Box::pin(async move { Ok(rested.idle_for < TRUSTED_FOR || connection.ping().await.is_ok()) })
        })
        .connect_lazy_with(options);
    Ok(pool)
}

/// Keeps the gauges `pg_pool_connections{state="used"|"idle"}` and `pg_pool_connections_limit` true until told to stop.
pub async fn observe(pool: Pool, stop: CancellationToken) {
    let mut tick = tokio::time::interval(OBSERVED_EVERY);
    loop {
        let idle = u32::try_from(pool.num_idle()).unwrap_or(u32::MAX);
        metrics::gauge!("pg_pool_connections", "state" => "idle").set(idle);
        metrics::gauge!("pg_pool_connections", "state" => "used").set(pool.size().saturating_sub(idle));
        metrics::gauge!("pg_pool_connections_limit").set(pool.options().get_max_connections());
        tokio::select! {
            _ = tick.tick() => {}
            () = stop.cancelled() => return,
        }
    }
}
