//! Why a contract was turned down.

use std::{error::Error, fmt};

/// Everything that is wrong with a contract, one sentence each, named after the thing that is wrong.
#[derive(Clone, PartialEq, Eq)]
pub struct Refused(pub Vec<String>);

impl Refused {
    /// A single reason.
    pub fn because(reason: impl Into<String>) -> Self {
        Self(vec![reason.into()])
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0.join("\n"))
    }
}

/// A build script that returns the error prints its `Debug` form, so that form is made for reading, too.
impl fmt::Debug for Refused {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "the contract was refused\n{self}")
    }
}

impl Error for Refused {}
