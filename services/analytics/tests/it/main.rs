//! The service against a real PostgreSQL and a real RabbitMQ; `testkit` says how to start them.

#![cfg(test)]

mod activity;
mod announcing;
mod asking;
mod copying;
mod dashboard;
mod exporting;
mod funnels;
mod hearing;
mod helpers;
mod ingesting;
mod rebuilding;
mod retention;
mod revenue;
