//! What people tell of what they do: each step once, when it is done.

use std::fmt;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::{Person, new_key};

/// A step that is done.
#[derive(Debug)]
pub struct Step<'a> {
    /// Such as `confirm the address`.
    pub name: &'a str,
    /// What came of it, for people.
    pub what: &'a str,
    /// Ids that it brought, such as `orderId`.
    pub ids: &'a [(&'static str, String)],
    /// The trace of its requests.
    pub trace: &'a str,
    /// When it began.
    pub begun: Instant,
    /// How long it took.
    pub took: Duration,
}

/// Who hears of the steps.
pub trait Listener: fmt::Debug + Send + Sync {
    /// A step is done.
    fn done(&self, step: &Step<'_>);
}

/// What a step brought: a value for the next one, and what is told of it.
#[derive(Debug)]
pub struct Outcome<T> {
    value: T,
    what: String,
    ids: Vec<(&'static str, String)>,
}

impl<T> Outcome<T> {
    /// Something of which there is nothing to tell.
    pub fn new(value: T) -> Self {
        Self { value, what: String::new(), ids: Vec::new() }
    }

    /// What came of it.
    #[must_use]
    pub fn note(self, what: impl Into<String>) -> Self {
        Self { what: what.into(), ..self }
    }

    /// An id that it brought.
    #[must_use]
    pub fn with_id(mut self, name: &'static str, id: &str) -> Self {
        self.ids.push((name, id.to_owned()));
        self
    }
}

impl Person {
    /// Does something under a trace of its own and tells of it. An error says in which step it came, and under which trace.
    pub async fn step<T>(&self, name: &str, work: impl AsyncFnOnce(&Self) -> Result<Outcome<T>>) -> Result<T> {
        let (trace, begun) = (new_key().replace('-', ""), Instant::now());
        let done = work(&self.under(&trace)).await;
        let did = done.with_context(|| format!("the way stopped at: {name} (trace {trace})"))?;
        let step = Step { name, what: &did.what, ids: &did.ids, trace: &trace, begun, took: begun.elapsed() };
        self.school.tell(&step);
        Ok(did.value)
    }
}
