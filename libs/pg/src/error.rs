//! What an error of the database means to a service. Turning it into a refusal is the service's own business.

use std::error::Error;

use sqlx::error::DatabaseError;

/// Two transactions met so that one of them had to give way: serialization failure, deadlock.
const CONFLICTS: [&str; 2] = ["40001", "40P01"];

/// The server is there but cannot work for us now: too many connections, lock or statement timeout, stopping, starting,
/// a replica that does not take writes (as after a failover).
const BUSY: [&str; 7] = ["53300", "55P03", "57014", "57P01", "57P02", "57P03", "25006"];

/// Whether the named constraint refused the statement.
pub fn violated(error: &sqlx::Error, constraint: &str) -> bool {
    error.as_database_error().and_then(DatabaseError::constraint) == Some(constraint)
}

/// Whether the database could not be reached or was too busy, so that the same call may succeed a moment later.
pub fn is_unavailable(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::Io(_)
        | sqlx::Error::Tls(_) => true,
        sqlx::Error::Database(error) => {
            error.code().is_some_and(|code| BUSY.contains(&&*code) || code.starts_with("08"))
        }
        _ => false,
    }
}

/// Whether an error, or anything that it was caused by, is a serialization failure or a deadlock.
///
/// It finds the database's error however a service wrapped it: as a source, or behind a transparent `anyhow::Error`.
pub fn is_conflict(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(current) = cause {
        let database = match current.downcast_ref::<sqlx::Error>() {
            Some(error) => error.as_database_error(),
            None => current.downcast_ref::<Box<dyn DatabaseError>>().map(|error| &**error),
        };
        if let Some(database) = database {
            return database.code().is_some_and(|code| CONFLICTS.contains(&&*code));
        }
        cause = current.source();
    }
    false
}
