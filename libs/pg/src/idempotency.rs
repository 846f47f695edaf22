//! Idempotency keys: a request that is sent twice has its effect once, and both callers hear the same answer.
//!
//! Only the id of what was made is kept; the flow reads it again to answer a replay.

use prost::Message;
use ring::digest::{Context, SHA256};
use rpc::{Kind, Refusal};
use sqlx::PgConnection;
use std::time::Duration;
use time::OffsetDateTime;
use uuid::Uuid;
use values::IdempotencyKey;

use crate::{Old, Pool, delete_before, is_unavailable};

/// For how long a key is remembered.
pub const REMEMBERED: time::Duration = time::Duration::hours(24);

/// One request that carries a key: who sent it, to which rpc, under which key, and what it said.
///
/// ```ignore
/// let order = pg::transaction(&app.db, async |conn| {
///     if let Claim::Replay(order) = idempotent.claim(conn, now).await? {
///         return store::order(conn, order).await;
///     }
///     let order = …;
///     idempotent.record(conn, order.id.uuid(), now).await?;
///     Ok(order)
/// })
/// .await?;
/// ```
#[derive(Clone, Debug)]
pub struct Idempotent {
    caller: String,
    rpc: &'static str,
    key: IdempotencyKey,
    hash: [u8; 32],
}

/// What a claim found.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Claim {
    /// The first request with its key, or the first after 24 hours: have the effect and record it.
    Fresh,
    /// A repetition: answer with the resource that the first request made.
    Replay(Uuid),
}

/// Why a key was not granted.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A request with the same key is at work; its outcome is not known yet.
    #[error("a request with this idempotency key is still running")]
    Running,
    /// The key was used before with another request.
    #[error("this idempotency key was used with another request")]
    Reused,
    /// The database failed.
    #[error("the idempotency key could not be looked up")]
    Sql(#[from] sqlx::Error),
}

impl Refusal for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::Running | Self::Reused => Kind::Conflict,
            Self::Sql(error) if is_unavailable(error) => Kind::Unavailable,
            Self::Sql(_) => Kind::Internal,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Running => "IDEMPOTENCY_KEY_IN_USE",
            Self::Reused => "IDEMPOTENCY_KEY_REUSED",
            Self::Sql(error) if is_unavailable(error) => "UNAVAILABLE",
            Self::Sql(_) => "INTERNAL",
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Running => Some(Duration::from_secs(1)),
            Self::Sql(error) if is_unavailable(error) => Some(Duration::from_secs(1)),
            Self::Reused | Self::Sql(_) => None,
        }
    }
}

impl Idempotent {
    /// Names a request: `caller` as `Caller::actor` prints it, `rpc` as the contract does (`OrderService/PlaceOrder`).
    ///
    /// A key is one caller's and one rpc's own: others may use the same key without meeting.
    pub fn of(caller: &str, rpc: &'static str, key: IdempotencyKey, request: &impl Message) -> Self {
        Self { caller: caller.to_owned(), rpc, key, hash: sha256(&[&request.encode_to_vec()]) }
    }

    /// The same request, told apart by something that its message does not show, such as the fingerprint of a password.
    #[must_use]
    pub fn and(self, more: &[u8]) -> Self {
        Self { hash: sha256(&[&self.hash, more]), ..self }
    }

    /// Claims the key until the end of the transaction. Call it first in the transaction that has the effect.
    ///
    /// Rolling back gives the key back as it was: a failure does not burn it.
    ///
    /// # Errors
    ///
    /// [`Error::Running`] and [`Error::Reused`], or the database's.
    pub async fn claim(&self, conn: &mut PgConnection, now: OffsetDateTime) -> Result<Claim, Error> {
        let free: bool =
            sqlx::query_scalar("select pg_try_advisory_xact_lock($1)").bind(self.lock()).fetch_one(&mut *conn).await?;
        if !free {
            return Err(Error::Running);
        }
        // Two statements: the second one's snapshot is taken under the lock, so it sees what its last holder committed.
        let recorded: Option<(Vec<u8>, Uuid)> = sqlx::query_as(
            "select request_hash, resource_id
             from idempotency
             where caller = $1 and rpc = $2 and key = $3 and created_at > $4",
        )
        .bind(&self.caller)
        .bind(self.rpc)
        .bind(self.key.as_str())
        .bind(now - REMEMBERED)
        .fetch_optional(&mut *conn)
        .await?;
        match recorded {
            None => Ok(Claim::Fresh),
            Some((hash, resource)) if hash == self.hash => Ok(Claim::Replay(resource)),
            Some(_) => Err(Error::Reused),
        }
    }

    /// Remembers what the request made, in the transaction that made it.
    ///
    /// # Errors
    ///
    /// The database's.
    pub async fn record(
        &self,
        conn: &mut PgConnection,
        resource: Uuid,
        now: OffsetDateTime,
    ) -> Result<(), sqlx::Error> {
        sqlx::query(
            "insert into idempotency (caller, rpc, key, request_hash, resource_id, created_at)
             values ($1, $2, $3, $4, $5, $6)
             on conflict on constraint idempotency_pk do update
             set request_hash = excluded.request_hash,
                 resource_id = excluded.resource_id,
                 created_at = excluded.created_at",
        )
        .bind(&self.caller)
        .bind(self.rpc)
        .bind(self.key.as_str())
        .bind(&self.hash[..])
        .bind(resource)
        .bind(now)
        .execute(conn)
        .await?;
        Ok(())
    }

    /// The advisory lock's number. Two keys that share one by chance (1 in 2⁶⁴) only make each other wait.
    fn lock(&self) -> i64 {
        let digest = sha256(&[self.caller.as_bytes(), self.rpc.as_bytes(), self.key.as_str().as_bytes()]);
        let mut number = [0; 8];
        number.copy_from_slice(&digest[..8]);
        i64::from_be_bytes(number)
    }
}

/// Deletes keys that are older than 24 hours and says how many.
///
/// # Errors
///
/// The database's; what was deleted before stays deleted.
pub async fn sweep(pool: &Pool, now: OffsetDateTime) -> Result<u64, sqlx::Error> {
    delete_before(pool, Old { table: "idempotency", column: "created_at" }, now - REMEMBERED).await
}

/// Digests the parts with their lengths, so that no two lists of parts look alike.
fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(&part.len().to_be_bytes());
        context.update(part);
    }
    let mut digest = [0; 32];
    digest.copy_from_slice(context.finish().as_ref());
    digest
}
