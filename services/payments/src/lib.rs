//! Payments: what the school sells, who bought it, whether it was paid, and what may be used because of that.
//!
//! The door (`grpc`) parses, `flows` order the steps, `domain` decides, `store` remembers, `events` announces, `jobs` tick.
//! A provider is called between two transactions, never in one: the intent is committed, the call made, the result committed, and an
//! unknown result is asked for, not repeated. Every word about one order is taken under that order's row lock (`flows/settle.rs`).

pub mod config;

pub mod app;

pub mod grpc;

pub mod flows;

pub mod provider;

pub mod domain;

pub mod store;

pub mod events;
pub mod jobs;

pub mod error;

pub use app::App;
pub use error::Error;
