//! The crate against a real PostgreSQL; `testkit` says how to start one.

#![cfg(test)]

mod helpers;
mod idempotency;
mod migrations;
mod pool;
mod record;
mod signal;
mod tls;
mod transaction;
