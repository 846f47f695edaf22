//! What a service's error says about itself, and how it becomes a gRPC status.

use crate::{Kind, Problem};
use std::{error::Error, fmt, time::Duration};
use values::{Mistake, Params, ViolationCode};

/// What is wrong with one field of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The path of the field in the proto's spelling, such as `lessons[2].title`; the gateway prints it in the JSON spelling.
    pub field: String,
    /// What would be right, for people.
    pub message: String,
    /// The same for machines.
    pub code: ViolationCode,
    /// The parameters of the code, such as `max`.
    pub params: Params,
}

impl Violation {
    /// A violation with a code.
    pub fn new(field: impl Into<String>, code: ViolationCode, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into(), code, params: Params::new() }
    }

    /// What an error of parsing says about a field.
    pub fn of(field: impl Into<String>, mistake: &(impl Mistake + ?Sized)) -> Self {
        Self { params: mistake.params(), ..Self::new(field, mistake.code(), mistake.to_string()) }
    }

    /// Adds a parameter.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl fmt::Display) -> Self {
        self.params.insert(name.to_owned(), value.to_string());
        self
    }
}

/// An error with a public face. Its `Display` is read by the customer, unless [`Kind::is_ours`]; its sources only by the operator.
pub trait Refusal: Error {
    /// What sort of refusal it is.
    fn kind(&self) -> Kind;

    /// The public code, in SCREAMING_SNAKE: a promise to clients, never changed.
    fn reason(&self) -> &'static str;

    /// Which fields are wrong.
    fn violations(&self) -> Vec<Violation> {
        Vec::new()
    }

    /// What a machine needs to know beside the reason to say it in its own words: attempts left, until when, which limit.
    /// The names are written as in JSON, such as `attemptsLeft`; `etag` is the present one.
    fn params(&self) -> Params {
        Params::new()
    }

    /// How long to wait before it makes sense to ask again.
    fn retry_after(&self) -> Option<Duration> {
        None
    }
}

/// The status that goes to the caller, with `google.rpc` details. What is our own fault is logged here, once, and its text stays here.
pub fn status(refusal: &dyn Refusal) -> tonic::Status {
    Problem::of(refusal).into()
}

/// The error and all its sources on one line. A source that only repeats what was just said is left out.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut last = text.clone();
    let mut source = error.source();
    while let Some(cause) = source {
        let said = cause.to_string();
        if said != last {
            text.push_str(": ");
            text.push_str(&said);
            last = said;
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    enum Nested {
        #[error("the disk is full")]
        Disk,
        #[error("cannot write")]
        Write(#[source] Box<Self>),
        #[error(transparent)]
        Wrapped(Box<Self>),
    }

    #[test]
    fn the_chain_names_every_cause_once() {
        let error = Nested::Wrapped(Box::new(Nested::Write(Box::new(Nested::Disk))));
        assert_eq!(chain(&error), "cannot write: the disk is full");
    }
}
