//! What an error of the database means to a service. Turning it into a refusal is the service's own business.

use std::error::Error;

use sqlx::error::DatabaseError;

/// Two transactions met so that one of them had to give way: serialization failure, deadlock.
const CONFLICTS: [&str; 2] = ["40001", "40P01"];

/// The server cannot work for anybody now, whatever is asked of it: a replica that does not take writes (as after a
/// failover), a full disk, too many connections, starting. And a lock that somebody else holds for long, as a rebuild
/// does.
const OUT_OF_ORDER: [&str; 5] = ["25006", "53100", "53300", "55P03", "57P03"];

/// The server ended what we asked: statement timeout, an operator's order, a stop, a crash. Usually that says nothing
/// about the statement, but it may be the reason.
const ENDED: [&str; 3] = ["57014", "57P01", "57P02"];

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
        sqlx::Error::Database(error) => error
            .code()
            .is_some_and(|code| OUT_OF_ORDER.contains(&&*code) || ENDED.contains(&&*code) || code.starts_with("08")),
        _ => false,
    }
}

/// Whether the database was out of reach or out of order for everybody, so that what was asked of it cannot be at
/// fault.
///
/// Narrower than [`is_unavailable`]: a statement that runs into its time limit, is ended by an operator, takes its
/// connection down or the whole server with it, may do so each time. Whoever repeats work for as long as it takes must
/// count those.
pub fn is_outage(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed => true,
        sqlx::Error::Database(error) => error.code().is_some_and(|code| OUT_OF_ORDER.contains(&&*code)),
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
