//! What this service refuses, by name, and what its failures mean to the bus.

use std::time::Duration;

use bus::Failure;
use rpc::{Invalid, Kind, Refusal, Violation};

use crate::domain::{calendar::BadSpan, revenue::TooMuch};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the run is not known here")]
    RunNotFound,
    #[error(transparent)]
    Invalid(#[from] Invalid),
    #[error("the database is not available")]
    Unavailable(#[source] sqlx::Error),
    #[error("the database refused")]
    Database(#[source] sqlx::Error),
    #[error(transparent)]
    Internal(#[from] anyhow::Error),
}

pub type Result<T, E = Error> = std::result::Result<T, E>;

impl From<BadSpan> for Error {
    fn from(bad: BadSpan) -> Self {
        Self::Invalid(Invalid::field("to", bad))
    }
}

impl From<TooMuch> for Error {
    fn from(error: TooMuch) -> Self {
        Self::Internal(error.into())
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        if pg::is_unavailable(&error) { Self::Unavailable(error) } else { Self::Database(error) }
    }
}

impl Refusal for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::RunNotFound => Kind::NotFound,
            Self::Invalid(_) => Kind::Invalid,
            Self::Unavailable(_) => Kind::Unavailable,
            Self::Database(_) | Self::Internal(_) => Kind::Internal,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::RunNotFound => "RUN_NOT_FOUND",
            Self::Invalid(_) => "INVALID",
            Self::Unavailable(_) => "UNAVAILABLE",
            Self::Database(_) | Self::Internal(_) => "INTERNAL",
        }
    }

    fn violations(&self) -> Vec<Violation> {
        match self {
            Self::Invalid(invalid) => invalid.violations(),
            _ => Vec::new(),
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        matches!(self, Self::Unavailable(_)).then_some(Duration::from_secs(1))
    }
}

impl From<Error> for tonic::Status {
    fn from(error: Error) -> Self {
        rpc::status(&error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Retry(error.into())
    }
}
