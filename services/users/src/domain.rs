//! The law: what an account, a password, a code, a session and a role are, and what is refused.
//!
//! Pure: no database, no clock, no randomness, no wire. What happens when is in `flows`.

pub mod id;

pub mod email;
pub mod password;
pub mod profile;
pub mod role;
pub mod teaching;
pub mod user;

pub mod code;
pub mod session;
pub mod signing_key;
pub mod throttle;

pub mod audit;
pub mod consent;
