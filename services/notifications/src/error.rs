//! What this service refuses, by name, and what its failures mean to the bus.

use std::time::Duration;

use bus::Failure;
use rpc::{Kind, Refusal};

use crate::domain::recipient::BadProfile;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("There is no such notification.")]
    NotificationNotFound,
    #[error("the database is not available")]
    Unavailable(#[source] sqlx::Error),
    #[error("the database refused")]
    Database(#[source] sqlx::Error),
    #[error("the profile makes no sense")]
    BadProfile(#[from] BadProfile),
    #[error(transparent)]
    Internal(#[from] anyhow::Error),
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        if pg::is_unavailable(&error) { Self::Unavailable(error) } else { Self::Database(error) }
    }
}

impl Refusal for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::NotificationNotFound => Kind::NotFound,
            Self::Unavailable(_) => Kind::Unavailable,
            Self::Database(_) | Self::BadProfile(_) | Self::Internal(_) => Kind::Internal,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::NotificationNotFound => "NOTIFICATION_NOT_FOUND",
            Self::Unavailable(_) => "UNAVAILABLE",
            Self::Database(_) | Self::BadProfile(_) | Self::Internal(_) => "INTERNAL",
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
        match error {
            // It will not make sense tomorrow.
            Error::BadProfile(why) => Self::Park(why.to_string()),
            error => Self::Retry(error.into()),
        }
    }
}
