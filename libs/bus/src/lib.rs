//! Events: announced in the transaction that causes them, carried by RabbitMQ, applied once by everybody who listens.
//!
//! `announce` writes to the outbox; the relay publishes and deletes; a consumer claims the event's inbox row, calls its
//! handler in the same transaction and acknowledges after the commit. Killing any of them at any point loses nothing
//! and repeats nothing. What an event means lives in the services.
//!
//! Reading order: event, relay, consumer (handler, failure, field, inbox, attempt, in_flight, careful), batch, ticker,
//! retry, dead_letter, topology, bindings, amqp, trace; then republish and external.

mod amqp;
mod attempt;
mod batch;
mod bindings;
mod careful;
mod consumer;
pub mod dead_letter;
mod event;
pub mod external;
mod failure;
pub mod field;
mod handler;
mod in_flight;
mod inbox;
mod relay;
mod republish;
mod retry;
mod ticker;
mod topology;
mod trace;

pub use amqp::{Amqp, BadAmqp, Error};
pub use batch::{BatchConsumer, BatchHandler};
pub use consumer::{Consume, Consumer};
pub use event::{By, Event, announce};
pub use failure::Failure;
pub use field::BadField;
pub use handler::{Handler, With, with};
pub use inbox::sweep;
pub use proto::lyceum::events::v1::Envelope;
pub use relay::Relay;
pub use republish::Republisher;

/// The tables that this crate itself needs (`outbox`, `inbox`, `bus_dead_letters` and its log, `bus_bindings`); a
/// service adds it to its own migrations.
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!();
