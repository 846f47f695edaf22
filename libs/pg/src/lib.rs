//! PostgreSQL as every service uses it: a pool, migrations, transactions that survive conflicts, records, idempotency
//! keys.
//!
//! No SQL of a service lives here. Reading order: pool, limits, migrations, transaction, signal, record, error,
//! idempotency.

mod error;
pub mod idempotency;
mod lease;
pub mod limits;
mod migrations;
mod pool;
mod record;
mod signal;
mod sweep;
mod transaction;

pub use error::{is_conflict, is_outage, is_unavailable, violated};
pub use idempotency::{Claim, Idempotent};
pub use lease::Lease;
pub use migrations::{MigrationError, Migrations};
pub use pool::{Config, Pool, connect, observe};
pub use record::{Row, insert, insert_new, row, update};
pub use signal::{Heard, Listener, Signal};
pub use sweep::{Old, delete_before};
pub use transaction::transaction;

/// The tables that this crate itself needs (`idempotency`); a service adds it to its own migrations.
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!();

/// What [`sql!`] prints; nobody else uses it.
#[doc(hidden)]
pub mod private {
    pub use values::Record;
    pub use values::record::statement::{Part, length, text, write};
}
