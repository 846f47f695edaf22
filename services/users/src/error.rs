//! What can go wrong: the table of refusals stands in the domain, the rest in `flow`.

use crate::{domain::Refusal, hasher, keyring::NoKey, vault::Broken};

impl flow::Refusal for Refusal {}

/// Why a flow did not do what it was asked.
pub type Error = flow::Error<Refusal>;

pub type Result<T, E = Error> = std::result::Result<T, E>;

impl From<hasher::Full> for Error {
    fn from(_: hasher::Full) -> Self {
        Refusal::Busy.into()
    }
}

/// What cannot happen, unless we made a mistake.
macro_rules! internal {
    ($($error:ty),+) => {
        $(impl From<$error> for Error {
            fn from(error: $error) -> Self {
                Self::internal(error)
            }
        })+
    };
}

internal!(hasher::Failed, Broken, NoKey);
