//! What every service stands on: configuration, telemetry, the admin port, servers, background work and a graceful
//! stop.
//!
//! Knows no business word, no database and no broker: services bring those. Reading order: a service and its `main`,
//! the configuration it reads, the runtime it is given, the servers it opens, and what goes on behind them.

mod build;
mod service;

mod env;
mod settings;

mod runtime;
mod stop;
mod tasks;

mod admin;
mod jobs;

mod addresses;
mod connections;
pub mod grpc;
pub mod http;
mod panics;

mod metric;
pub mod telemetry;

pub use admin::Admin;
pub use build::{Build, build};
pub use env::{Env, Mistake};
pub use runtime::Runtime;
pub use service::{Service, main};
pub use settings::{LogFormat, Settings};
pub use tasks::{Outcome, Tasks};

pub use secrecy::{ExposeSecret, SecretString};
pub use tls::{Authority, Identity};
