//! Events: announced in the transaction that causes them, carried by RabbitMQ, applied once by everybody who listens.
//!
//! `announce` writes to the outbox; the relay publishes and deletes; a consumer claims the event's inbox row, calls its
//! handler in the same transaction and acknowledges after the commit. Killing any of them at any point loses nothing and
//! repeats nothing. What an event means lives in the services.
//!
//! Reading order: event, relay, consumer (handler, failure, inbox, attempt, held), batch, aside, parked, topology, amqp, trace; then peer.

mod again;
mod amqp;
mod aside;
mod attempt;
mod batch;
mod consumer;
mod event;
mod failure;
mod handler;
mod held;
mod inbox;
pub mod parked;
pub mod peer;
mod relay;
mod topology;
mod trace;

pub use again::Again;
pub use amqp::{Amqp, BadAmqp, Error};
pub use batch::{BatchConsumer, BatchHandler};
pub use consumer::Consumer;
pub use event::{Event, announce};
pub use failure::Failure;
pub use handler::{Handler, With, with};
pub use inbox::sweep;
pub use proto::lyceum::events::v1::Envelope;
pub use relay::Relay;
pub use topology::{Topology, declare};

/// The tables that this crate itself needs (`outbox`, `inbox`); a service adds it to its own migrations.
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!();
