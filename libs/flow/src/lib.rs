//! Why a flow did not do what it was asked: what the service's own rules refuse, and what can happen to every service.
//!
//! A service names its refusals in one table and writes, in `error.rs`:
//!
//! ```ignore
//! impl flow::Refusal for Refusal {}
//!
//! pub type Error = flow::Error<Refusal>;
//! pub type Result<T, E = Error> = std::result::Result<T, E>;
//! ```
//!
//! Then `?` takes a refusal, an error of the database, a key that is taken and any `anyhow::Error`; the error becomes a
//! gRPC status at the door and a [`bus::Failure`] where an event is applied.

use std::{error, time::Duration};

use bus::Failure;
use pg::idempotency;
use rpc::{Invalid, Kind, Params, Violation};

/// After which time it makes sense to ask again where something is not available.
const SOON: Duration = Duration::from_secs(1);

/// Marks the table of a service's refusals, which `values::refusals!` prints, as what its flows refuse with.
///
/// The mark belongs to this crate, so that the compiler can tell the refusals of a service from all other errors that
/// `?` takes.
pub trait Refusal: rpc::Refusal + Send + Sync + 'static {}

/// Why a flow did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error<R: Refusal> {
    /// The rules refuse it.
    #[error(transparent)]
    Refused(R),
    /// The idempotency key is in use, was used with another request, or could not be looked up.
    #[error(transparent)]
    Key(#[from] idempotency::Error),
    /// The database refused, or is out of reach.
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
    /// Another service or store is out of reach: try again soon.
    #[error("{who} is not available")]
    Neighbour {
        /// Who it is, as in "the documents service".
        who: &'static str,
        /// What happened.
        #[source]
        source: anyhow::Error,
    },
    /// It builds on an event that has not arrived here yet; what that is about, as in "run 17".
    #[error("{0} is not known yet")]
    NotKnownYet(String),
    /// The request itself is wrong, by a rule that is more than a bound of one field.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// Nobody is signed in.
    #[error(transparent)]
    SignedOut(#[from] auth::Unauthenticated),
    /// We made a mistake.
    #[error(transparent)]
    Internal(#[from] anyhow::Error),
}

impl<R: Refusal> Error<R> {
    /// For `map_err` where another service or store is out of reach; `who` as in "the documents service".
    pub fn neighbour<E: error::Error + Send + Sync + 'static>(who: &'static str) -> impl FnOnce(E) -> Self {
        move |error| Self::Neighbour { who, source: error.into() }
    }

    /// For `map_err` where an error can only be our own mistake.
    pub fn internal<E: error::Error + Send + Sync + 'static>(error: E) -> Self {
        Self::Internal(error.into())
    }
}

impl<R: Refusal> From<R> for Error<R> {
    fn from(refusal: R) -> Self {
        Self::Refused(refusal)
    }
}

impl<R: Refusal> rpc::Refusal for Error<R> {
    fn kind(&self) -> Kind {
        match self {
            Self::Refused(refusal) => refusal.kind(),
            Self::Key(error) => error.kind(),
            Self::Database(error) if pg::is_unavailable(error) => Kind::Unavailable,
            Self::Neighbour { .. } | Self::NotKnownYet(_) => Kind::Unavailable,
            Self::Invalid(invalid) => invalid.kind(),
            Self::SignedOut(refused) => refused.kind(),
            Self::Database(_) | Self::Internal(_) => Kind::Internal,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Refused(refusal) => refusal.reason(),
            Self::Key(error) => error.reason(),
            Self::Invalid(invalid) => invalid.reason(),
            Self::SignedOut(refused) => refused.reason(),
            Self::Database(_) | Self::Neighbour { .. } | Self::NotKnownYet(_) | Self::Internal(_) => {
                self.kind().reason()
            }
        }
    }

    fn params(&self) -> Params {
        if let Self::Refused(refusal) = self { refusal.params() } else { Params::new() }
    }

    fn violations(&self) -> Vec<Violation> {
        match self {
            Self::Refused(refusal) => refusal.violations(),
            Self::Invalid(invalid) => invalid.violations(),
            _ => Vec::new(),
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused(refusal) => refusal.retry_after(),
            Self::Key(error) => error.retry_after(),
            _ => (self.kind() == Kind::Unavailable).then_some(SOON),
        }
    }
}

impl<R: Refusal> From<Error<R>> for tonic::Status {
    fn from(error: Error<R>) -> Self {
        rpc::status(&error)
    }
}

/// An event that the rules refuse is refused for ever, unless they say that something is not available, and one that is
/// wrong in itself stays wrong. One that builds on another came too early; everything else may work later.
impl<R: Refusal> From<Error<R>> for Failure {
    fn from(error: Error<R>) -> Self {
        match error {
            Error::Refused(refusal) if refusal.kind() != Kind::Unavailable => {
                Self::DeadLetter(format!("{}: {refusal}", refusal.reason()))
            }
            Error::Invalid(invalid) => {
                let wrong = rpc::Refusal::violations(&invalid).into_iter();
                let wrong: Vec<String> = wrong.map(|wrong| format!("{} {}", wrong.field, wrong.message)).collect();
                Self::DeadLetter(format!("{}: {}", rpc::Refusal::reason(&invalid), wrong.join("; ")))
            }
            Error::SignedOut(refused) => Self::DeadLetter(format!("{}: {refused}", rpc::Refusal::reason(&refused))),
            Error::NotKnownYet(_) => Self::TooEarly(error.to_string()),
            Error::Database(error) => Self::from(error),
            other => Self::Retry(other.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use rpc::Refusal as _;

    use super::*;

    values::refusals! {
        enum Law {
            RunNotFound: NotFound "there is no such run",
            TooMany { max: u8 }: Conflict "there are at most {max}",
            NotKnownYet: Unavailable "the person is not known yet" after 3,
        }
    }

    impl super::Refusal for Law {}

    fn find(refused: bool) -> Result<(), Error<Law>> {
        if refused {
            Err(Law::RunNotFound)?
        }
        Err(sqlx::Error::PoolTimedOut)?
    }

    #[test]
    fn a_refusal_says_what_the_table_says() {
        let error = find(true).unwrap_err();
        assert_eq!((error.kind(), error.reason()), (Kind::NotFound, "RUN_NOT_FOUND"));
        assert_eq!(tonic::Status::from(error).message(), "there is no such run");
        let error = Error::from(Law::TooMany { max: 7 });
        assert_eq!(error.params().get("max").map(String::as_str), Some("7"));
        assert_eq!(Error::from(Law::NotKnownYet).retry_after(), Some(Duration::from_secs(3)));
    }

    #[test]
    fn what_is_out_of_reach_is_asked_again_soon() {
        let pool = find(false).unwrap_err();
        let neighbour = Error::<Law>::neighbour("the documents service")(std::io::Error::other("refused"));
        let key = Error::<Law>::from(idempotency::Error::Sql(sqlx::Error::PoolTimedOut));
        for error in [pool, neighbour, key] {
            assert_eq!((error.kind(), error.reason()), (Kind::Unavailable, "UNAVAILABLE"));
            assert_eq!(error.retry_after(), Some(SOON));
        }
        let ours = Error::<Law>::internal(std::io::Error::other("no such row"));
        assert_eq!((ours.kind(), ours.retry_after()), (Kind::Internal, None));
        let taken = Error::<Law>::from(idempotency::Error::Reused);
        assert_eq!(taken.reason(), "IDEMPOTENCY_KEY_REUSED");
    }

    #[test]
    fn an_event_that_is_refused_is_not_tried_again() {
        let refused = Failure::from(Error::from(Law::RunNotFound));
        assert!(
            matches!(&refused, Failure::DeadLetter(why) if why == "RUN_NOT_FOUND: there is no such run"),
            "{refused}"
        );
        assert!(matches!(Failure::from(Error::from(Law::NotKnownYet)), Failure::Retry(_)));
        assert!(matches!(Failure::from(find(false).unwrap_err()), Failure::Retry(_)));
    }

    #[test]
    fn an_event_that_is_wrong_in_itself_is_not_tried_again() {
        let wrong = Violation::new("rule", rpc::ViolationCode::InvalidValue, "names no kind of news");
        let wrong = Failure::from(Error::<Law>::from(Invalid::from(wrong)));
        assert!(matches!(&wrong, Failure::DeadLetter(why) if why == "INVALID: rule names no kind of news"), "{wrong}");
    }

    #[test]
    fn an_event_that_builds_on_another_waits_for_it() {
        let error = Error::<Law>::NotKnownYet("run 17".to_owned());
        assert_eq!((error.kind(), error.retry_after()), (Kind::Unavailable, Some(SOON)));
        let early = Failure::from(error);
        assert!(matches!(&early, Failure::TooEarly(why) if why == "run 17 is not known yet"), "{early}");
    }
}
