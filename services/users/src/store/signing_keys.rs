//! Signing keys, sealed: what is needed to open them is not in the database.

use sqlx::PgConnection;
use time::OffsetDateTime;
use values::Record;

use crate::domain::signing_key::State;

/// One number for everybody who changes keys. "signing" in ASCII.
const KEYS_LOCK: i64 = 0x73_6967_6e69_6e67;

/// A signing key as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Record)]
pub struct SealedKey {
    /// The `kid` in the header of tokens.
    pub name: String,
    #[record(flatten)]
    pub state: State,
    /// The Ed25519 public key in unpadded base64url, as in a JWK.
    pub public_key: String,
    /// The private key.
    pub sealed: Vec<u8>,
}

/// Makes everybody wait who wants to change keys, so that replicas do it one after the other.
pub async fn lock(conn: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::query("select pg_advisory_xact_lock($1)").bind(KEYS_LOCK).execute(conn).await?;
    Ok(())
}

/// Every key.
pub async fn all(conn: &mut PgConnection) -> Result<Vec<SealedKey>, sqlx::Error> {
    sqlx::query_as(pg::sql!("select ", SealedKey, ", since from signing_keys order by since, name"))
        .fetch_all(conn)
        .await
}

/// Writes a new key.
pub async fn insert(conn: &mut PgConnection, key: &SealedKey, now: OffsetDateTime) -> Result<(), sqlx::Error> {
    pg::row(key).and("since", now).insert(conn, "signing_keys").await
}

/// Moves a key to another state.
pub async fn set_state(
    conn: &mut PgConnection,
    name: &str,
    state: State,
    now: OffsetDateTime,
) -> Result<(), sqlx::Error> {
    pg::row(&state).key("name", name).and("since", now).update(conn, "signing_keys").await
}

/// Deletes a key.
pub async fn delete(conn: &mut PgConnection, name: &str) -> Result<(), sqlx::Error> {
    sqlx::query("delete from signing_keys where name = $1").bind(name).execute(conn).await?;
    Ok(())
}
