//! The school as a client sees it: people who use the public REST door, and the simulated world outside.
//!
//! Knows addresses and JSON, nothing of the services behind. Everything panics with a clear message, because only tests use it.

mod answer;
mod course;
mod outside;
mod person;
mod school;
mod shopping;

pub use answer::Answer;
pub use course::{Course, VIDEO_SECONDS};
pub use outside::{Card, Mail, Span};
pub use person::Person;
pub use school::{PASSWORD, School};
pub use shopping::Payment;

use std::time::{Duration, Instant};

/// Asks `probe` until it answers; panics with `what` was awaited when ten seconds are over.
pub async fn eventually<T>(what: &str, mut probe: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        if let Some(found) = probe().await {
            return found;
        }
        assert!(Instant::now() < deadline, "waited ten seconds in vain: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A new key for one idempotent request.
pub fn new_key() -> String {
    uuid::Uuid::new_v4().to_string()
}
