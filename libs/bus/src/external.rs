//! For a service that talks to somebody else's exchanges: the time limits, confirms, quorum queues and dead letters
//! of the bus itself.
//!
//! What is said there, and what an answer means, is that service's own business;
//! [`Amqp::connect`](crate::Amqp::connect) opens the line.

pub use crate::amqp::{Backoff, close, confirmed_channel, patiently, publish_to_queue, stored};
pub use crate::dead_letter::DeadLetters;
pub use crate::topology::{dead_letters_to, declare_queue};
pub use crate::trace::{TRACEPARENT, current as traceparent};
