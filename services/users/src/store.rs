//! The memory: SQL and private row structs, as free functions over a connection.
//!
//! Nothing is decided here and no transaction begins or ends here; flows do both. Reads take their scope as an argument.

pub mod audit;
pub mod codes;
pub mod consents;
pub mod credentials;
pub mod sessions;
pub mod signing_keys;
pub mod throttles;
pub mod tutor_verifications;
pub mod users;

/// What the database holds and the law does not know: a row that somebody else wrote. An operator has to look.
fn damaged(what: impl std::error::Error + Send + Sync + 'static) -> sqlx::Error {
    sqlx::Error::Decode(Box::new(what))
}
