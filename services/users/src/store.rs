//! The memory: SQL, as free functions over a connection.
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
