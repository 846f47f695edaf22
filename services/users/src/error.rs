//! What this service refuses, by name. The names are promises to clients; the texts are read by people.

use std::time::Duration;

use rpc::{Kind, Refusal, Violation};

use crate::{
    domain::{password::BadPassword, throttle::TooSoon, user},
    hasher,
    keyring::NoKey,
    vault::Broken,
};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("This e-mail address has an account already.")]
    EmailTaken,
    #[error("The code is wrong or has expired. Ask for a new one.")]
    CodeInvalid,
    #[error("Too many codes were asked for. Wait before asking for another one.")]
    TooManyCodes { retry_after: Duration },
    #[error("The e-mail address or the password is wrong.")]
    CredentialsInvalid,
    #[error("Too many wrong passwords. Wait before trying again, or reset the password.")]
    TooManyAttempts { retry_after: Duration },
    #[error("The password is wrong.")]
    PasswordWrong,
    #[error("The request is not valid.")]
    PasswordRefused { field: &'static str, why: BadPassword },
    #[error("The session cannot be prolonged. Sign in again.")]
    RefreshTokenInvalid,
    #[error("This refresh token was used before, so the session was ended for safety. Sign in again.")]
    RefreshTokenReused,
    #[error("There is no such user.")]
    UserNotFound,
    #[error("There is no such session.")]
    SessionNotFound,
    #[error("There is no such consent.")]
    ConsentNotFound,
    #[error("You may not do this.")]
    Forbidden,
    #[error("{0}")]
    Account(#[from] user::Refusal),
    #[error(transparent)]
    Idempotency(#[from] pg::idempotency::Error),
    #[error(transparent)]
    Busy(#[from] hasher::Full),
    #[error("the database is not available")]
    Unavailable(#[source] sqlx::Error),
    #[error("the database refused")]
    Database(#[source] sqlx::Error),
    #[error(transparent)]
    Internal(#[from] anyhow::Error),
}

impl Error {
    /// For [`Result::map_err`] after a password was counted.
    pub fn too_many_attempts(too_soon: TooSoon) -> Self {
        Self::TooManyAttempts { retry_after: too_soon.retry_after.unsigned_abs() }
    }

    /// For [`Result::map_err`] after a code was counted.
    pub fn too_many_codes(too_soon: TooSoon) -> Self {
        Self::TooManyCodes { retry_after: too_soon.retry_after.unsigned_abs() }
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        if pg::is_unavailable(&error) { Self::Unavailable(error) } else { Self::Database(error) }
    }
}

impl From<hasher::Failed> for Error {
    fn from(error: hasher::Failed) -> Self {
        Self::Internal(error.into())
    }
}

impl From<Broken> for Error {
    fn from(error: Broken) -> Self {
        Self::Internal(error.into())
    }
}

impl From<NoKey> for Error {
    fn from(error: NoKey) -> Self {
        Self::Internal(error.into())
    }
}

impl Refusal for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::CodeInvalid | Self::PasswordRefused { .. } => Kind::Invalid,
            Self::CredentialsInvalid | Self::RefreshTokenInvalid | Self::RefreshTokenReused => Kind::Unauthenticated,
            Self::PasswordWrong | Self::Forbidden => Kind::Forbidden,
            Self::UserNotFound | Self::SessionNotFound | Self::ConsentNotFound => Kind::NotFound,
            Self::EmailTaken => Kind::Conflict,
            Self::TooManyCodes { .. } | Self::TooManyAttempts { .. } => Kind::TooMany,
            Self::Account(refusal) => match refusal {
                user::Refusal::EmailNotConfirmed | user::Refusal::Blocked | user::Refusal::RoleTooHigh => {
                    Kind::Forbidden
                }
                user::Refusal::EtagMismatch => Kind::Stale,
                user::Refusal::Erased | user::Refusal::OwnAccount | user::Refusal::LastAdmin => Kind::Conflict,
            },
            Self::Idempotency(refusal) => refusal.kind(),
            Self::Busy(_) | Self::Unavailable(_) => Kind::Unavailable,
            Self::Database(_) | Self::Internal(_) => Kind::Internal,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::EmailTaken => "EMAIL_TAKEN",
            Self::CodeInvalid => "CODE_INVALID",
            Self::TooManyCodes { .. } => "TOO_MANY_CODES",
            Self::CredentialsInvalid => "CREDENTIALS_INVALID",
            Self::TooManyAttempts { .. } => "TOO_MANY_ATTEMPTS",
            Self::PasswordWrong => "PASSWORD_WRONG",
            Self::PasswordRefused { .. } => "INVALID",
            Self::RefreshTokenInvalid => "REFRESH_TOKEN_INVALID",
            Self::RefreshTokenReused => "REFRESH_TOKEN_REUSED",
            Self::UserNotFound => "USER_NOT_FOUND",
            Self::SessionNotFound => "SESSION_NOT_FOUND",
            Self::ConsentNotFound => "CONSENT_NOT_FOUND",
            Self::Forbidden => "PERMISSION_DENIED",
            Self::Account(refusal) => match refusal {
                user::Refusal::EmailNotConfirmed => "EMAIL_NOT_CONFIRMED",
                user::Refusal::Blocked => "ACCOUNT_BLOCKED",
                user::Refusal::Erased => "ACCOUNT_ERASED",
                user::Refusal::OwnAccount => "OWN_ACCOUNT",
                user::Refusal::LastAdmin => "LAST_ADMIN",
                user::Refusal::RoleTooHigh => "ROLE_TOO_HIGH",
                user::Refusal::EtagMismatch => "ETAG_MISMATCH",
            },
            Self::Idempotency(refusal) => refusal.reason(),
            Self::Busy(_) => "BUSY",
            Self::Unavailable(_) => "UNAVAILABLE",
            Self::Database(_) | Self::Internal(_) => "INTERNAL",
        }
    }

    fn violations(&self) -> Vec<Violation> {
        match self {
            Self::PasswordRefused { field, why } => {
                vec![Violation::of(*field, why)]
            }
            _ => Vec::new(),
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::TooManyCodes { retry_after } | Self::TooManyAttempts { retry_after } => Some(*retry_after),
            Self::Idempotency(refusal) => refusal.retry_after(),
            Self::Busy(_) => Some(hasher::Full::RETRY_AFTER),
            Self::Unavailable(_) => Some(Duration::from_secs(1)),
            _ => None,
        }
    }
}

impl From<Error> for tonic::Status {
    fn from(error: Error) -> Self {
        rpc::status(&error)
    }
}
