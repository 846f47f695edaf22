//! Analytics: keeps every event as it was announced, counts what managers ask for, and answers with reports.
//!
//! `grpc` answers, `hear` takes events, `flows` order the steps, `domain` says what an event means and what is refused, `store` remembers: events by
//! month, and the rollups that reports are read from. `app` lists the jobs that make room and drop what is old; `owners` asks others after a loss.

pub mod config;

pub mod app;

pub mod hear;

pub mod grpc;
pub mod report;

pub mod flows;

pub mod domain;

pub mod payload;

pub mod store;

pub mod owners;

pub mod error;
