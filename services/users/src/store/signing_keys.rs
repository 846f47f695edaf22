//! Signing keys, sealed: what is needed to open them is not in the database.

use sqlx::PgConnection;
use time::OffsetDateTime;

use super::damaged;
use crate::domain::signing_key::State;

/// One number for everybody who changes keys. "signing" in ASCII.
const KEYS_LOCK: i64 = 0x73_6967_6e69_6e67;

/// A signing key as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedKey {
    /// The `kid` in the header of tokens.
    pub name: String,
    pub state: State,
    /// The Ed25519 public key in unpadded base64url, as in a JWK.
    pub public_key: String,
    /// The private key.
    pub sealed: Vec<u8>,
}

#[derive(sqlx::FromRow)]
struct Row {
    name: String,
    state: String,
    since: OffsetDateTime,
    until: Option<OffsetDateTime>,
    public_key: String,
    sealed: Vec<u8>,
}

#[derive(Debug, thiserror::Error)]
#[error("signing key {name} is in a state that cannot be: {state}")]
struct ImpossibleState {
    name: String,
    state: String,
}

/// Makes everybody wait who wants to change keys, so that replicas do it one after the other.
pub async fn lock(conn: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::query("select pg_advisory_xact_lock($1)").bind(KEYS_LOCK).execute(conn).await?;
    Ok(())
}

/// Every key.
pub async fn all(conn: &mut PgConnection) -> Result<Vec<SealedKey>, sqlx::Error> {
    let rows: Vec<Row> = sqlx::query_as(
        "select name, state, since, until, public_key, sealed
         from signing_keys
         order by since, name",
    )
    .fetch_all(conn)
    .await?;
    let sealed = |Row { name, state, since, until, public_key, sealed }| {
        let state = match (state.as_str(), until) {
            ("next", None) => State::Next { since },
            ("active", None) => State::Active { since },
            ("retired", Some(until)) => State::Retired { until },
            _ => return Err(damaged(ImpossibleState { name, state })),
        };
        Ok(SealedKey { name, state, public_key, sealed })
    };
    rows.into_iter().map(sealed).collect()
}

/// Writes a new key.
pub async fn insert(conn: &mut PgConnection, key: &SealedKey, now: OffsetDateTime) -> Result<(), sqlx::Error> {
    let (state, until) = columns(key.state);
    sqlx::query(
        "insert into signing_keys (name, state, since, until, public_key, sealed)
         values ($1, $2, $3, $4, $5, $6)",
    )
    .bind(&key.name)
    .bind(state)
    .bind(now)
    .bind(until)
    .bind(&key.public_key)
    .bind(&key.sealed)
    .execute(conn)
    .await?;
    Ok(())
}

/// Moves a key to another state.
pub async fn set_state(
    conn: &mut PgConnection,
    name: &str,
    state: State,
    now: OffsetDateTime,
) -> Result<(), sqlx::Error> {
    let (state, until) = columns(state);
    sqlx::query(
        "update signing_keys
         set state = $2,
             since = $3,
             until = $4
         where name = $1",
    )
    .bind(name)
    .bind(state)
    .bind(now)
    .bind(until)
    .execute(conn)
    .await?;
    Ok(())
}

/// Deletes a key.
pub async fn delete(conn: &mut PgConnection, name: &str) -> Result<(), sqlx::Error> {
    sqlx::query("delete from signing_keys where name = $1").bind(name).execute(conn).await?;
    Ok(())
}

fn columns(state: State) -> (&'static str, Option<OffsetDateTime>) {
    match state {
        State::Next { .. } => ("next", None),
        State::Active { .. } => ("active", None),
        State::Retired { until } => ("retired", Some(until)),
    }
}
