//! The service against a real PostgreSQL, a real RabbitMQ and a real SMTP listener; `testkit` says how to start the stores.

#![cfg(test)]

mod bouncing;
mod copying;
mod deliveries;
mod erasing;
mod feed;
mod helpers;
mod mailing;
mod preferring;
mod sink;
mod telling;
mod watching;
