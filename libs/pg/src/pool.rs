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
    /// Where the database is, with user and password: `postgres://user:password@host:port/database`. It may be the
    /// address of a pooler in transaction mode.
    pub url: String,
    /// Where the server itself is, if `url` is a pooler's: migrations outside of a transaction need it.
    pub direct_url: Option<String>,
    /// Who we are in `pg_stat_activity`.
    pub application_name: String,
    /// The most connections that this process opens.
    pub max_connections: u32,
    /// How long a caller waits for a connection before it is told that the database is unavailable.
    pub acquire_timeout: Duration,
    /// The file of the authority that vouches for the database. With it the connection is encrypted and the server's
    /// name and certificate are checked (`verify-full`), whatever the address says.
    pub authority: Option<PathBuf>,
}

impl Config {
    /// The usual limits: 10 connections, 2 s to get one. Those of a statement are the role's: see [`crate::limits`].
    ///
    /// A database that is down refuses connections, which are tried again until that time is over: so long does a
    /// caller wait for its 503. It has to be much shorter than the deadline of a request.
    pub fn new(url: impl Into<String>, application_name: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            direct_url: None,
            application_name: application_name.into(),
            max_connections: 10,
            acquire_timeout: Duration::from_secs(2),
            authority: None,
        }
    }

    /// How a connection is opened: with nothing that a pooler in between refuses.
    fn options(&self) -> Result<PgConnectOptions, sqlx::Error> {
        self.options_of(&self.url, &self.application_name)
    }

    /// The same, past the pooler if it is known how.
    pub(crate) fn direct_options(&self, application_name: &str) -> Result<PgConnectOptions, sqlx::Error> {
        self.options_of(self.direct_url.as_ref().unwrap_or(&self.url), application_name)
    }

    fn options_of(&self, url: &str, application_name: &str) -> Result<PgConnectOptions, sqlx::Error> {
        let options = PgConnectOptions::from_str(url)?.application_name(application_name);
        // Numbers travel in binary, where the number of digits means nothing.
        let options = options.extra_float_digits(None);
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
    let pool = PgPoolOptions::new()
        .max_connections(config.max_connections)
        .acquire_timeout(config.acquire_timeout)
        .test_before_acquire(false)
        .before_acquire(|connection, rested| {
            Box::pin(async move { Ok(rested.idle_for < TRUSTED_FOR || connection.ping().await.is_ok()) })
        })
        .connect_lazy_with(config.options()?);
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
