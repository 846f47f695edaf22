//! Users: accounts, credentials, sessions, roles, consents and the audit log.
//!
//! The door (`grpc`) answers, `hear` takes events, `flows` order the steps, `domain` decides, `store` remembers, `announce` tells others.
//! Secrets live in three places: `vault` (derived keys), `hasher` (passwords), `keyring` (signing keys).

pub mod config;

pub mod app;

pub mod grpc;
pub mod hear;
pub mod verb;

pub mod flows;

pub mod domain;

pub mod store;

pub mod announce;

pub mod hasher;
pub mod keyring;
pub mod vault;

pub mod error;
