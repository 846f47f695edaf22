//! The wiring that every service with a database has: configuration, pool, migrations, readiness, bus, guard, jobs,
//! server.
//!
//! A service says what is its own by implementing [`Service`]; [`main`] does the rest on the chassis. Reading order:
//! service, config, parts, jobs, dead_letters. No business word lives here, and nothing that a single service needs.

mod config;
mod dead_letters;
mod jobs;
mod parts;
mod service;

pub use config::{Config, amqp, optional_amqp};
pub use jobs::{Job, Jobs};
pub use parts::Parts;
pub use service::{Service, main};

pub use chassis::{Authority, Env, ExposeSecret, Runtime, SecretString, build};
