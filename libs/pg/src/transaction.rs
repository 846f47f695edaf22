//! A transaction that is tried again where another one got in its way.

use std::error::Error;
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::{Connection, PgConnection, Postgres};

use crate::{Pool, is_conflict, signal};

/// How often a transaction is tried before its conflict is handed to the caller.
const TRIES: u32 = 5;

/// The longest pause before the second try, in milliseconds; it doubles with each further one.
const FIRST_PAUSE: u64 = 10;

/// Does `work` in one transaction: commits what returns `Ok`, rolls back what returns `Err`.
///
/// A serialization failure or deadlock (40001, 40P01), in `work` or at the commit, is tried again, five times in all,
/// with growing random pauses. That is why `work` has to be `Clone`: each try gets its own, and nothing that one try
/// changed reaches the next. A closure that only borrows is `Clone` by itself:
///
/// ```ignore
/// let order = pg::transaction(&app.db, async |conn| {
///     let order = store::order(conn, id).await?;
///     bus::announce(conn, announce::order_paid(&order), by).await?;
///     Ok::<_, Error>(order)
/// })
/// .await?;
/// ```
///
/// A [`Signal`](crate::Signal) that `work` sends is heard after the commit.
///
/// No network call belongs inside: the locks of `work` would wait for it. Dropped at any moment it leaves nothing, and
/// no open transaction for whoever gets its connection next.
///
/// # Errors
///
/// What `work` returned, or the database's error at begin or commit. After an error at commit it is unknown whether the
/// effect happened.
pub async fn transaction<T, E>(
    pool: &Pool,
    work: impl AsyncFnOnce(&mut PgConnection) -> Result<T, E> + Clone,
) -> Result<T, E>
where
    E: Error + From<sqlx::Error> + 'static,
{
    let mut tries = 0;
    loop {
        tries += 1;
        let mut held = Held { connection: pool.acquire().await?, begins: true };
        let Held { connection, begins } = &mut held;
        let mut transaction = connection.begin().await?;
        *begins = false;
        let attempt = work.clone();
        let (outcome, signals) = signal::collected(attempt(&mut transaction)).await;
        let error = match outcome {
            Ok(value) => match transaction.commit().await {
                Ok(()) => {
                    signals.send();
                    return Ok(value);
                }
                Err(error) => E::from(error),
            },
            Err(error) => {
                if let Err(error) = transaction.rollback().await {
                    // The connection is broken, so that the server rolls back by itself.
                    tracing::debug!(error = &error as &dyn Error, "A transaction could not be rolled back explicitly.");
                }
                error
            }
        };
        // Others may have the connection meanwhile.
        drop(held);
        if tries == TRIES || !is_conflict(&error) {
            return Err(error);
        }
        metrics::counter!("pg_transaction_retries_total").increment(1);
        let longest = FIRST_PAUSE << tries;
        tokio::time::sleep(Duration::from_millis(rand::random_range(0..=longest))).await;
    }
}

/// A connection on which a transaction is begun. sqlx 0.9.0 forgets a `BEGIN` whose answer nobody waited for
/// (transact-rs/sqlx#4393): the next user of the connection would work in a transaction that nobody commits. Such a
/// connection is closed.
struct Held {
    connection: PoolConnection<Postgres>,
    begins: bool,
}

impl Drop for Held {
    fn drop(&mut self) {
        if self.begins {
            self.connection.close_on_drop();
        }
    }
}
