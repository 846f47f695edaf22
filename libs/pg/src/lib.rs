//! PostgreSQL as every service uses it: a pool, migrations, transactions that survive conflicts, idempotency keys.
//!
//! No SQL of a service lives here. Reading order: pool, migrations, transaction, error, idempotency.

mod error;
pub mod idempotency;
mod lease;
mod migrations;
mod pool;
mod sweep;
mod transaction;

pub use error::{is_conflict, is_unavailable, violated};
pub use idempotency::{Claim, Idempotent};
pub use lease::Lease;
pub use migrations::{MigrationError, Migrations};
pub use pool::{Config, Pool, connect, observe};
pub use sweep::{Old, delete_before};
pub use transaction::transaction;

/// The tables that this crate itself needs (`idempotency`); a service adds it to its own migrations.
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!();
