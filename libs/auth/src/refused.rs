//! Why a call is not let in.

use rpc::{Kind, Refusal};
use std::time::Duration;

/// Why a call is not let in. The texts are for the caller; what was wrong with a token stands in the source, for the
/// log only.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// The token is forged, damaged or not for us.
    #[error("The access token is not valid.")]
    TokenInvalid(#[source] Flaw),
    /// The token was good once.
    #[error("The access token has expired.")]
    TokenExpired,
    /// The rpc is for people and nobody is signed in.
    #[error("Sign in to do this.")]
    SignInRequired,
    /// The rpc is for people and a service is calling.
    #[error("Only a signed-in person may do this.")]
    PersonRequired,
    /// The person's roles do not grant what the rpc needs.
    #[error("You may not do this.")]
    PermissionDenied,
    /// The rpc is for services and somebody else is calling.
    #[error("Only a service of the fleet may do this.")]
    ServiceOnly,
    /// The service that makes the call proves itself with a token that is not good.
    #[error("The calling service could not prove who it is.")]
    PeerInvalid(#[source] Flaw),
    /// The method table has no such rpc.
    #[error("There is no such rpc.")]
    NoSuchRpc,
    /// The keys cannot be had, so that nothing can be said about the token.
    #[error("the keys that tokens are checked with cannot be fetched")]
    KeysUnavailable(#[source] Flaw),
}

/// What exactly was wrong, for the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Flaw(pub(crate) &'static str);

impl Refused {
    pub(crate) const fn token(flaw: &'static str) -> Self {
        Self::TokenInvalid(Flaw(flaw))
    }
}

impl Refusal for Refused {
    fn kind(&self) -> Kind {
        match self {
            Self::TokenInvalid(_) | Self::TokenExpired | Self::SignInRequired => Kind::Unauthenticated,
            Self::PersonRequired | Self::PermissionDenied | Self::ServiceOnly | Self::PeerInvalid(_) => Kind::Forbidden,
            Self::NoSuchRpc => Kind::NotFound,
            Self::KeysUnavailable(_) => Kind::Unavailable,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::TokenInvalid(_) => "TOKEN_INVALID",
            Self::TokenExpired => "TOKEN_EXPIRED",
            Self::SignInRequired => "SIGN_IN_REQUIRED",
            Self::PersonRequired => "PERSON_REQUIRED",
            Self::PermissionDenied => "PERMISSION_DENIED",
            Self::ServiceOnly => "SERVICE_ONLY",
            Self::PeerInvalid(_) => "PEER_INVALID",
            Self::NoSuchRpc => "NO_SUCH_RPC",
            Self::KeysUnavailable(_) => "KEYS_UNAVAILABLE",
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        matches!(self, Self::KeysUnavailable(_)).then_some(Duration::from_secs(1))
    }
}

impl From<Refused> for tonic::Status {
    fn from(refused: Refused) -> Self {
        match refused {
            // What tonic itself answers, so that clients and load balancers understand it.
            Refused::NoSuchRpc => Self::unimplemented(refused.to_string()),
            refused => rpc::status(&refused),
        }
    }
}
