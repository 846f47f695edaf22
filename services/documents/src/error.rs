//! Why a flow did not do what it was asked: what the law refuses, and what can happen to every service.

use crate::{bucket, domain::Refusal};

impl flow::Refusal for Refusal {}

pub type Error = flow::Error<Refusal>;
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A store that is busy or away is asked again soon; what it will never do is our mistake.
impl From<bucket::Error> for Error {
    fn from(error: bucket::Error) -> Self {
        if error.is_passing() { Refusal::StoreUnavailable(rpc::chain(&error)).into() } else { Self::internal(error) }
    }
}
