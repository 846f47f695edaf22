//! The crate against a real PostgreSQL and a real RabbitMQ; `testkit` says how to start them.

#![cfg(test)]

mod batch;
mod consumer;
mod dead_letters;
mod failures;
mod helpers;
mod interruptions;
mod poison;
mod proxy;
mod relay;
mod tls;
mod topology;
mod trace;
