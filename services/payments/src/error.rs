//! Why a flow did not do what it was asked: what the law refuses, and what can happen to every service.

use crate::domain::{Refusal, quote::QuoteError};

impl flow::Refusal for Refusal {}

pub type Error = flow::Error<Refusal>;
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl From<QuoteError> for Error {
    fn from(error: QuoteError) -> Self {
        match error {
            QuoteError::Refused(refusal) => refusal.into(),
            QuoteError::Money(error) => Self::internal(error),
        }
    }
}
