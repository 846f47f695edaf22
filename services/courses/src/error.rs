//! What can go wrong: the table of refusals stands in the domain, the rest in `flow`.

use crate::domain::Refusal;

impl flow::Refusal for Refusal {}

/// Why a flow did not do what it was asked.
pub type Error = flow::Error<Refusal>;

pub type Result<T, E = Error> = std::result::Result<T, E>;
