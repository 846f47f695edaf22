//! How a refusal becomes a gRPC status, and how its causes are told. What a refusal is stands in `values`.

use std::error::Error;

use values::refusal::Refusal;

use crate::Problem;

/// The status that goes to the caller, with `google.rpc` details. What is our own fault is logged here, once, and its
/// text stays here.
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
