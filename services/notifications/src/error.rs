//! What this service refuses, by name, and what its failures mean to the bus.

use std::time::Duration;

use bus::Failure;
use rpc::{Kind, Refusal, Violation};

use crate::domain::recipient::BadProfile;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("There is no such notification.")]
    NotificationNotFound,
    #[error("There is no such e-mail.")]
    DeliveryNotFound,
    #[error("There is no such link.")]
    LinkNotFound,
    #[error("There is no such person any more.")]
    PersonNotFound,
    /// Their profile is on its way.
    #[error("the person is not known yet")]
    NotKnownYet,
    #[error("You watch too often at once: close another window.")]
    TooManyWatchers,
    #[error("Codes and warnings about your account are always sent.")]
    AlwaysTold(Vec<Violation>),
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
            Self::NotificationNotFound | Self::DeliveryNotFound | Self::LinkNotFound | Self::PersonNotFound => {
                Kind::NotFound
            }
            Self::TooManyWatchers => Kind::TooMany,
            Self::AlwaysTold(_) => Kind::Invalid,
            Self::Unavailable(_) | Self::NotKnownYet => Kind::Unavailable,
            Self::Database(_) | Self::BadProfile(_) | Self::Internal(_) => Kind::Internal,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::NotificationNotFound => "NOTIFICATION_NOT_FOUND",
            Self::DeliveryNotFound => "DELIVERY_NOT_FOUND",
            Self::LinkNotFound => "UNSUBSCRIBE_LINK_NOT_FOUND",
            Self::PersonNotFound => "PERSON_NOT_FOUND",
            Self::TooManyWatchers => "TOO_MANY_WATCHERS",
            Self::AlwaysTold(_) => "ALWAYS_TOLD",
            Self::Unavailable(_) | Self::NotKnownYet => "UNAVAILABLE",
            Self::Database(_) | Self::BadProfile(_) | Self::Internal(_) => "INTERNAL",
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        matches!(self, Self::Unavailable(_) | Self::NotKnownYet | Self::TooManyWatchers)
            .then_some(Duration::from_secs(1))
    }

    fn violations(&self) -> Vec<Violation> {
        if let Self::AlwaysTold(violations) = self { violations.clone() } else { Vec::new() }
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
            Error::BadProfile(why) => Self::DeadLetter(why.to_string()),
            error => Self::Retry(error.into()),
        }
    }
}
