//! The sandbox as services and people meet it: a process with a bank's API, a payment page and a mail server.

#![expect(clippy::unwrap_used, reason = "a test has nobody else to tell")]

mod bank;
mod docverify;
mod helpers;
mod mail;
mod notifications;
mod s3;
