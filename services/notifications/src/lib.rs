//! Notifications: hears what happened, writes e-mails and keeps the feed that people see inside the school.
//!
//! `hear` takes events, `flows` order the steps, `domain` decides who is told what and how long a mail is tried, `store` remembers,
//! `render` words it, `mail` speaks SMTP, `users` asks for profiles, `jobs` send and make digests, `watchers` wakes those who look on.
//! The door (`grpc`) shows the feed, the deliveries and what people want.

pub mod config;

pub mod app;

pub mod grpc;

pub mod hear;
pub mod jobs;

pub mod flows;

pub mod domain;

pub mod render;

pub mod store;

pub mod mail;
pub mod users;
pub mod watchers;

pub mod error;
