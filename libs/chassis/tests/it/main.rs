//! The chassis as an operator sees it: a process with an exit code, a log, ports and signals.
//!
//! The process is `examples/probe.rs`, which cargo builds with the tests of the whole crate, but not for `--test it`
//! alone.

#![expect(clippy::unwrap_used, reason = "a test has nobody else to tell")]

mod configuration;
mod connections;
mod helpers;
mod observed;
mod stopping;
mod tls;
