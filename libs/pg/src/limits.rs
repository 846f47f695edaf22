//! How long statements run, wait for locks and leave transactions idle: settings of a service's role in its database.
//!
//! They belong to the role and not to the connection, because a pooler in between refuses options of a connection and
//! hands statements to whichever session is free. Every session that the role opens begins with them.

use std::time::Duration;

use sqlx::{Executor, PgConnection};

/// How long one statement may run.
pub const STATEMENT: Duration = Duration::from_secs(15);

/// How long one statement may wait for a lock.
pub const LOCK: Duration = Duration::from_secs(5);

/// How long a transaction may do nothing: one that was begun and forgotten would hold its locks for ever.
pub const IDLE_TRANSACTION: Duration = Duration::from_secs(30);

/// Lifts them for the transaction at hand.
pub(crate) const NONE: &str = "set local statement_timeout = 0;
     set local lock_timeout = 0;
     set local idle_in_transaction_session_timeout = 0;";

/// Sets them for the role and the database of this connection; sessions that are open keep what they have.
pub(crate) async fn set(conn: &mut PgConnection) -> Result<(), sqlx::Error> {
    let limits = [
        ("statement_timeout", STATEMENT),
        ("lock_timeout", LOCK),
        ("idle_in_transaction_session_timeout", IDLE_TRANSACTION),
    ];
    // A role may always change its own.
    let statements = limits.map(|(name, limit)| {
        let limit = limit.as_millis();
        format!(
            "execute format('alter role %I in database %I set {name} = {limit}', current_user, current_database());"
        )
    });
    let statements = format!("do $$ begin {} end $$", statements.concat());
    conn.execute(sqlx::AssertSqlSafe(statements)).await?;
    Ok(())
}
