//! Payments: what the school sells, who bought it, whether it was paid, and what may be used because of that.
//!
//! The door (`grpc`) and `hear` call `flows`, which order the steps; `domain` decides, `store` remembers, `announce`
//! tells the others, `jobs` do what is due. `provider` speaks with banks and `return_pages` knows our own pages. A
//! provider is called between two transactions, never in one: the intent is committed, the call made, the result
//! committed, and an unknown result is asked for, not repeated. Every report about one order is applied under that
//! order's row lock (`flows/settle_attempt.rs`).

pub mod config;

pub mod app;

pub mod grpc;

pub mod hear;
pub mod jobs;

pub mod flows;

pub mod announce;
pub mod provider;
pub mod return_pages;

pub mod domain;

pub mod store;

pub mod error;
