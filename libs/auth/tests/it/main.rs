//! What auth promises, seen from outside: tokens, the guard and calls between services.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on must stop")]

mod calls;
mod contract;
mod guard;
mod helpers;
mod token;
