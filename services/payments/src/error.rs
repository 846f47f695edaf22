//! What can go wrong, for callers: the refusals of the law, a key that is taken, a store that is out of reach, and our own mistakes.

use std::time::Duration;

use pg::idempotency;
use rpc::Kind;

use crate::domain::{Refusal, quote::QuoteError};

/// Why a flow did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("a request with this idempotency key is still running")]
    KeyInUse,
    #[error("this idempotency key was used with another request")]
    KeyReused,
    #[error("the database is not available")]
    Unavailable(#[source] sqlx::Error),
    #[error(transparent)]
    Internal(#[from] anyhow::Error),
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        if pg::is_unavailable(&error) { Self::Unavailable(error) } else { Self::Internal(error.into()) }
    }
}

impl From<idempotency::Error> for Error {
    fn from(error: idempotency::Error) -> Self {
        match error {
            idempotency::Error::Running => Self::KeyInUse,
            idempotency::Error::Reused => Self::KeyReused,
            idempotency::Error::Sql(error) => error.into(),
        }
    }
}

impl From<QuoteError> for Error {
    fn from(error: QuoteError) -> Self {
        match error {
            QuoteError::Refused(refusal) => refusal.into(),
            QuoteError::Money(error) => Self::Internal(error.into()),
        }
    }
}

impl From<Error> for tonic::Status {
    fn from(error: Error) -> Self {
        rpc::status(&error)
    }
}

impl rpc::Refusal for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::Refused(refusal) => public(refusal).0,
            Self::KeyInUse | Self::KeyReused => Kind::Conflict,
            Self::Unavailable(_) => Kind::Unavailable,
            Self::Internal(_) => Kind::Internal,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Refused(refusal) => public(refusal).1,
            Self::KeyInUse => "IDEMPOTENCY_KEY_IN_USE",
            Self::KeyReused => "IDEMPOTENCY_KEY_REUSED",
            Self::Unavailable(_) => Kind::Unavailable.reason(),
            Self::Internal(_) => Kind::Internal.reason(),
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::KeyInUse | Self::Unavailable(_) | Self::Refused(Refusal::RunUnknown(_)) => {
                Some(Duration::from_secs(1))
            }
            Self::Refused(Refusal::ProviderUnavailable) => Some(Duration::from_secs(5)),
            Self::Refused(Refusal::PaymentUnresolved) => Some(Duration::from_secs(30)),
            _ => None,
        }
    }
}

/// The kind and the public name of each refusal: promises to clients, never changed.
fn public(refusal: &Refusal) -> (Kind, &'static str) {
    match refusal {
        Refusal::ProductNotFound => (Kind::NotFound, "PRODUCT_NOT_FOUND"),
        Refusal::PromoCodeNotFound => (Kind::NotFound, "PROMO_CODE_NOT_FOUND"),
        Refusal::OrderNotFound => (Kind::NotFound, "ORDER_NOT_FOUND"),
        Refusal::RunUnknown(_) => (Kind::Conflict, "RUN_UNKNOWN"),
        Refusal::EtagMismatch => (Kind::Stale, "ETAG_MISMATCH"),
        Refusal::ProductNotForSale(_) => (Kind::Conflict, "PRODUCT_NOT_FOR_SALE"),
        Refusal::PriceTaken => (Kind::Conflict, "PRICE_TAKEN"),
        Refusal::PriceInThePast => (Kind::Conflict, "PRICE_IN_THE_PAST"),
        Refusal::EmptyWindow => (Kind::Invalid, "EMPTY_WINDOW"),
        Refusal::PromoCodeTaken => (Kind::Conflict, "PROMO_CODE_TAKEN"),
        Refusal::MaxUsesBelowUses => (Kind::Conflict, "MAX_USES_BELOW_USES"),
        Refusal::PromoCodeUnknown => (Kind::NotFound, "PROMO_CODE_UNKNOWN"),
        Refusal::PromoCodeNotValidNow => (Kind::Conflict, "PROMO_CODE_NOT_VALID_NOW"),
        Refusal::PromoCodeUsedUp => (Kind::Conflict, "PROMO_CODE_USED_UP"),
        Refusal::PromoCodeNotForProduct => (Kind::Conflict, "PROMO_CODE_NOT_FOR_PRODUCT"),
        Refusal::AlreadyOwned => (Kind::Conflict, "ALREADY_OWNED"),
        Refusal::OrderNotPayable(_) => (Kind::Conflict, "ORDER_NOT_PAYABLE"),
        Refusal::OrderNotCancellable(_) => (Kind::Conflict, "ORDER_NOT_CANCELLABLE"),
        Refusal::PaymentUnresolved => (Kind::Conflict, "PAYMENT_UNRESOLVED"),
        Refusal::TooManyPayments => (Kind::Conflict, "TOO_MANY_PAYMENTS"),
        Refusal::AmountNotAccepted(_) => (Kind::Conflict, "AMOUNT_NOT_ACCEPTED"),
        Refusal::ProviderUnavailable => (Kind::Unavailable, "PROVIDER_UNAVAILABLE"),
        Refusal::OrderNotRefundable(_) => (Kind::Conflict, "ORDER_NOT_REFUNDABLE"),
        Refusal::RefundInProgress => (Kind::Conflict, "REFUND_IN_PROGRESS"),
        Refusal::RefundNotWhole(_) => (Kind::Conflict, "REFUND_NOT_WHOLE"),
    }
}
