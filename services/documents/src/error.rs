//! What this service refuses, by name, and what its failures mean to the bus.

use std::time::Duration;

use bus::Failure;
use rpc::{Kind, Refusal};

use crate::{
    bucket,
    domain::{case, certificate, upload},
};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{0}")]
    Upload(#[from] upload::Refusal),
    #[error("{0}")]
    Paper(#[from] case::Refusal),
    #[error("There is no certificate of this number or id.")]
    CertificateNotFound,
    #[error("This is no number of a certificate; one of its characters may be mistyped.")]
    CertificateNumberMistyped,
    #[error("{0}")]
    Certificate(#[from] certificate::Refused),
    #[error("the object store is not available")]
    StoreUnavailable(#[source] bucket::Error),
    #[error("the object store refused")]
    Store(#[source] bucket::Error),
    #[error("the idempotency key is not granted")]
    Idempotency(#[source] pg::idempotency::Error),
    #[error("the database is not available")]
    Unavailable(#[source] sqlx::Error),
    #[error("the database refused")]
    Database(#[source] sqlx::Error),
    #[error(transparent)]
    Request(#[from] rpc::Invalid),
    #[error(transparent)]
    Unauthenticated(#[from] auth::Unauthenticated),
    #[error(transparent)]
    Internal(#[from] anyhow::Error),
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        if pg::is_unavailable(&error) { Self::Unavailable(error) } else { Self::Database(error) }
    }
}

impl From<pg::idempotency::Error> for Error {
    fn from(error: pg::idempotency::Error) -> Self {
        match error {
            pg::idempotency::Error::Sql(error) => error.into(),
            refused => Self::Idempotency(refused),
        }
    }
}

impl From<bucket::Error> for Error {
    fn from(error: bucket::Error) -> Self {
        if error.is_passing() { Self::StoreUnavailable(error) } else { Self::Store(error) }
    }
}

impl Refusal for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::Upload(refusal) => of_upload(*refusal).0,
            Self::Paper(refusal) => of_paper(*refusal).0,
            Self::CertificateNotFound | Self::CertificateNumberMistyped => Kind::NotFound,
            Self::Request(_) => Kind::Invalid,
            Self::Unauthenticated(_) => Kind::Unauthenticated,
            Self::Certificate(_) => Kind::Conflict,
            Self::Idempotency(error) => error.kind(),
            Self::Unavailable(_) | Self::StoreUnavailable(_) => Kind::Unavailable,
            Self::Database(_) | Self::Store(_) | Self::Internal(_) => Kind::Internal,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Upload(refusal) => of_upload(*refusal).1,
            Self::Paper(refusal) => of_paper(*refusal).1,
            Self::CertificateNotFound => "CERTIFICATE_NOT_FOUND",
            Self::CertificateNumberMistyped => "CERTIFICATE_NUMBER_MISTYPED",
            Self::Certificate(refused) => of_certificate(*refused),
            Self::Request(_) => "INVALID",
            Self::Unauthenticated(_) => "UNAUTHENTICATED",
            Self::Idempotency(error) => error.reason(),
            Self::Unavailable(_) => "UNAVAILABLE",
            Self::StoreUnavailable(_) => "STORE_UNAVAILABLE",
            Self::Database(_) | Self::Store(_) | Self::Internal(_) => "INTERNAL",
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Unavailable(_) | Self::Certificate(certificate::Refused::NotPrinted) => Some(Duration::from_secs(1)),
            Self::StoreUnavailable(_) => Some(Duration::from_secs(3)),
            Self::Idempotency(error) => error.retry_after(),
            _ => None,
        }
    }
}

const fn of_upload(refusal: upload::Refusal) -> (Kind, &'static str) {
    use upload::Refusal as R;
    match refusal {
        R::NotFound => (Kind::NotFound, "UPLOAD_NOT_FOUND"),
        R::FileNotFound => (Kind::NotFound, "FILE_NOT_FOUND"),
        R::KindNotAllowed => (Kind::Forbidden, "KIND_NOT_ALLOWED"),
        R::ContentTypeNotAllowed => (Kind::Invalid, "CONTENT_TYPE_NOT_ALLOWED"),
        R::SizeNotAllowed(_) => (Kind::Invalid, "SIZE_NOT_ALLOWED"),
        R::TooManyUploads => (Kind::TooMany, "TOO_MANY_UPLOADS"),
        R::Incomplete => (Kind::Conflict, "UPLOAD_INCOMPLETE"),
        R::Mismatch(mismatch) => (Kind::Conflict, mismatch.as_str()),
        R::Over => (Kind::Conflict, "UPLOAD_OVER"),
        R::NotInParts => (Kind::Conflict, "UPLOAD_NOT_IN_PARTS"),
        R::FileInUse => (Kind::Conflict, "FILE_IN_USE"),
        R::Erased => (Kind::Conflict, "ACCOUNT_ERASED"),
    }
}

const fn of_certificate(refused: certificate::Refused) -> &'static str {
    use certificate::Refused as R;
    match refused {
        R::NotPrinted => "CERTIFICATE_NOT_PRINTED",
        R::Revoked => "CERTIFICATE_REVOKED",
        R::Replaced => "CERTIFICATE_REPLACED",
        R::Erased => "CERTIFICATE_ERASED",
    }
}

const fn of_paper(refusal: case::Refusal) -> (Kind, &'static str) {
    use case::Refusal as R;
    match refusal {
        R::NotFound => (Kind::NotFound, "CASE_NOT_FOUND"),
        R::Open => (Kind::Conflict, "CASE_OPEN"),
        R::Decided => (Kind::Conflict, "CASE_DECIDED"),
        R::NotInReview => (Kind::Conflict, "CASE_NOT_IN_REVIEW"),
        R::NotVerified => (Kind::Conflict, "CASE_NOT_VERIFIED"),
        R::SameReviewer => (Kind::Conflict, "SAME_REVIEWER"),
        R::OwnPaper => (Kind::Forbidden, "OWN_PAPER"),
        R::DatesDiffer => (Kind::Conflict, "DATES_DIFFER"),
        R::OutOfDate => (Kind::Conflict, "PAPER_OUT_OF_DATE"),
        R::NotAPaper => (Kind::Conflict, "NOT_A_PAPER"),
        R::Erased => (Kind::Conflict, "ACCOUNT_ERASED"),
    }
}

impl From<Error> for tonic::Status {
    fn from(error: Error) -> Self {
        match error {
            Error::Request(invalid) => invalid.into(),
            Error::Unauthenticated(unknown) => unknown.into(),
            error => rpc::status(&error),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Retry(error.into())
    }
}
