//! Migrations: a service's own and those of the libs that it uses, run as one ordered set.

use std::collections::{BTreeSet, HashSet};
use std::io;
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migration, Migrator};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection, PgExecutor, SqlSafeStr};

use crate::{Config, Pool, limits};

/// One number for all: whoever migrates a database waits for whoever does so already. "lyceum" in ASCII.
const LOCK: i64 = 0x6c79_6365_756d;

/// What each migration begins with: a statement waits so long for a table, while everybody else queues behind it, and
/// then takes the time that it takes.
const BEGINNING: &str = "set local lock_timeout = '3s'; set local statement_timeout = 0;\n";

/// Options of the connection for migrations outside of a transaction. They wait as long as it takes: what may not be in
/// a transaction, such as `create index concurrently`, keeps nobody from working meanwhile.
const OUTSIDE: [(&str, &str); 2] = [("lock_timeout", "0"), ("statement_timeout", "0")];

/// How often a migration that did not get its lock is tried.
const TRIES: u32 = 10;

/// How often, once a second, a database is tried that is not there yet: it may come with the same release as its
/// migrator.
const CONNECTION_TRIES: u32 = 60;

/// PostgreSQL's codes for what passes when a server is new: it starts; the database, the role or its password is still
/// to be made.
const NOT_YET: [&str; 4] = ["57P03", "3D000", "28000", "28P01"];

/// PostgreSQL's codes for "the lock was not free in time" and "there is no such table".
const LOCK_NOT_AVAILABLE: &str = "55P03";
const UNDEFINED_TABLE: &str = "42P01";

/// What a pooler answers to options of a connection.
const PROTOCOL_VIOLATION: &str = "08P01";

/// Why a database could not be migrated.
#[derive(Debug, thiserror::Error)]
pub enum MigrationError {
    /// Two of the combined sets use one version; the later of them has to be renamed.
    #[error("two migrations have the version {0}")]
    SameVersion(i64),
    /// A migration failed, or one that was applied before has been changed since.
    #[error("the migrations did not apply")]
    Migrate(#[from] MigrateError),
    /// Indexes were begun and not finished, and nobody uses them; they may be of another kind than the migration says.
    #[error(
        "indexes are not valid, because `create index concurrently` was interrupted; drop them and migrate again: {0:?}"
    )]
    InvalidIndexes(Vec<String>),
    /// A migration outside of a transaction was to run through a pooler, where nothing lifts the limits of a statement.
    #[error("a migration outside of a transaction needs a connection to the server itself, not to a pooler")]
    Pooler(#[source] sqlx::Error),
    /// The database has not been migrated far enough.
    #[error("migrations are missing: {0:?}")]
    Missing(Vec<i64>),
    /// The database could not be reached.
    #[error("the database could not be migrated")]
    Sql(#[from] sqlx::Error),
}

/// An ordered set of migrations from several crates.
#[derive(Clone, Debug)]
pub struct Migrations {
    sets: Vec<&'static Migrator>,
}

impl Migrations {
    /// Starts with a service's own migrations.
    pub fn of(migrator: &'static Migrator) -> Self {
        Self { sets: vec![migrator] }
    }

    /// Adds those of a lib, such as [`crate::MIGRATOR`].
    #[must_use]
    pub fn and(mut self, migrator: &'static Migrator) -> Self {
        self.sets.push(migrator);
        self
    }

    /// Every migration, in the order in which they run.
    pub fn iter(&self) -> impl Iterator<Item = &Migration> {
        let mut migrations: Vec<&Migration> = self.sets.iter().flat_map(|set| set.iter()).collect();
        migrations.sort();
        migrations.into_iter()
    }

    /// The highest version known here; 0 where there is none.
    pub fn latest(&self) -> i64 {
        self.iter().last().map_or(0, |migration| migration.version)
    }

    /// The highest version that the database has; 0 where it was never migrated. A later release may have gone further.
    ///
    /// # Errors
    ///
    /// The database cannot be asked.
    pub async fn applied(&self, pool: &Pool) -> Result<i64, sqlx::Error> {
        Ok(applied_versions(pool).await?.into_iter().max().unwrap_or(0))
    }

    /// The versions known here that the database lacks: empty means that the schema is new enough to serve.
    ///
    /// It is stricter than comparing [`Self::applied`] with [`Self::latest`], which cannot see that a lib was added.
    ///
    /// # Errors
    ///
    /// The database cannot be asked.
    pub async fn missing(&self, pool: &Pool) -> Result<Vec<i64>, sqlx::Error> {
        let applied = applied_versions(pool).await?;
        Ok(self.iter().map(|migration| migration.version).filter(|version| !applied.contains(version)).collect())
    }

    /// Refuses a database that lacks something: what a service's readiness asks.
    ///
    /// # Errors
    ///
    /// Migrations are missing, or the database cannot be asked.
    pub async fn check(&self, pool: &Pool) -> Result<(), MigrationError> {
        let missing = self.missing(pool).await?;
        if missing.is_empty() { Ok(()) } else { Err(MigrationError::Missing(missing)) }
    }

    /// Applies what the database lacks, each migration in a transaction of its own.
    ///
    /// One migrator works at a time, the others wait for it. Versions that are not known here are left alone: they are
    /// a later release's, and this one may be starting again after it. A statement waits 3 s for its lock, so that it
    /// never blocks a busy table for longer; then the migration is rolled back and tried again, ten times. A database
    /// that is not there yet is waited for, a minute. The [`limits`] of the role are set as well.
    ///
    /// # Errors
    ///
    /// [`MigrationError`]; what was applied before the failure stays.
    pub async fn run(&self, database: &Config) -> Result<(), MigrationError> {
        let migrator = self.migrator()?;
        let options = database.direct_options("migrate")?;
        // The lock is a transaction's and not a session's, which a pooler would hand to others. So it has a connection
        // of its own; it holds no snapshot, so that nobody has to wait for it.
        let mut holder = connect(&options).await?;
        let mut turn = holder.begin().await?;
        sqlx::raw_sql(limits::NONE).execute(&mut *turn).await?;
        sqlx::query("select pg_advisory_xact_lock($1)").bind(LOCK).execute(&mut *turn).await?;
        let done = self.apply(&options, &migrator).await;
        let released = turn.rollback().await;
        done?;
        released?;
        Ok(holder.close().await?)
    }

    async fn apply(&self, options: &PgConnectOptions, migrator: &Migrator) -> Result<(), MigrationError> {
        let mut connection = options.connect().await?;
        limits::set(&mut connection).await?;
        let applied = applied_versions(&mut connection).await?;
        let outside = self.iter().any(|migration| migration.no_tx && !applied.contains(&migration.version));
        if outside {
            connection.close().await?;
            connection = options.clone().options(OUTSIDE).connect().await.map_err(|error| {
                if has_code(&error, PROTOCOL_VIOLATION) { MigrationError::Pooler(error) } else { error.into() }
            })?;
            // `if not exists` would take one for the index that it is to make.
            refuse_invalid_indexes(&mut connection).await?;
        }
        run(&mut connection, migrator).await?;
        if outside {
            refuse_invalid_indexes(&mut connection).await?;
        }
        Ok(connection.close().await?)
    }

    fn migrator(&self) -> Result<Migrator, MigrationError> {
        let mut versions = BTreeSet::new();
        if let Some(twice) = self.iter().find(|migration| !versions.insert(migration.version)) {
            return Err(MigrationError::SameVersion(twice.version));
        }
        // The text is not what the checksum was made of any more, which is kept.
        let migrations = self.iter().cloned().map(|migration| match migration.no_tx {
            true => migration,
            false => {
                let sql = format!("{BEGINNING}{}", migration.sql.as_str());
                Migration { sql: AssertSqlSafe(sql).into_sql_str(), ..migration }
            }
        });
        let mut migrator = Migrator::with_migrations(migrations.collect());
        // The lock is ours: the migrator's own belongs to a session.
        migrator.set_ignore_missing(true).set_locking(false);
        Ok(migrator)
    }
}

async fn connect(options: &PgConnectOptions) -> Result<PgConnection, sqlx::Error> {
    for _ in 1..CONNECTION_TRIES {
        match options.connect().await {
            Err(error) if is_not_there_yet(&error) => {
                tracing::info!(error = %error, "The database is not there yet.");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            connected => return connected,
        }
    }
    options.connect().await
}

fn is_not_there_yet(error: &sqlx::Error) -> bool {
    // Invalid data is a handshake that failed: whoever is there is not to be believed, and will not be in a minute.
    let unreachable = matches!(error, sqlx::Error::Io(error) if error.kind() != io::ErrorKind::InvalidData);
    unreachable || NOT_YET.iter().any(|code| has_code(error, code))
}

async fn refuse_invalid_indexes(connection: &mut PgConnection) -> Result<(), MigrationError> {
    let invalid = sqlx::query_scalar("select indexrelid::regclass::text from pg_index where not indisvalid order by 1");
    let invalid: Vec<String> = invalid.fetch_all(connection).await?;
    if invalid.is_empty() { Ok(()) } else { Err(MigrationError::InvalidIndexes(invalid)) }
}

async fn run(connection: &mut PgConnection, migrator: &Migrator) -> Result<(), MigrationError> {
    let mut tries = 0;
    loop {
        tries += 1;
        match migrator.run_direct(None, &mut *connection, false).await {
            Err(error) if tries < TRIES && waited_in_vain(&error) => {
                tracing::warn!(tries, "A migration did not get its lock and is tried again.");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            done => return Ok(done?),
        }
    }
}

fn waited_in_vain(error: &MigrateError) -> bool {
    let (MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _)) = error else { return false };
    has_code(error, LOCK_NOT_AVAILABLE)
}

fn has_code(error: &sqlx::Error, code: &str) -> bool {
    error.as_database_error().and_then(|error| error.code()).is_some_and(|found| found == code)
}

async fn applied_versions(database: impl PgExecutor<'_>) -> Result<HashSet<i64>, sqlx::Error> {
    let versions: Result<Vec<i64>, _> =
        sqlx::query_scalar("select version from _sqlx_migrations where success").fetch_all(database).await;
    match versions {
        Ok(versions) => Ok(versions.into_iter().collect()),
        Err(error) if has_code(&error, UNDEFINED_TABLE) => Ok(HashSet::new()),
        Err(error) => Err(error),
    }
}
