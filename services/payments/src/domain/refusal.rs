//! Every reason for which the law says no, in words for the caller. Which gRPC code and name it gets is said in `error.rs`.

/// A request that the law refuses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("there is no such product")]
    ProductNotFound,
    #[error("there is no such promo code")]
    PromoCodeNotFound,
    #[error("there is no such order")]
    OrderNotFound,
    #[error("run {0} is not published, or was published a moment ago: try again after a second")]
    RunUnknown(super::RunId),
    #[error("it was changed by somebody else: read it again and repeat the change")]
    EtagMismatch,
    #[error("the product is not for sale in {0}")]
    ProductNotForSale(values::Currency),
    #[error("the product already has a price in this currency that starts at this moment")]
    PriceTaken,
    #[error("a price cannot start in the past")]
    PriceInThePast,
    #[error("it would end before it starts")]
    EmptyWindow,
    #[error("another promo code has this code already")]
    PromoCodeTaken,
    #[error("more orders use the promo code already")]
    MaxUsesBelowUses,
    #[error("there is no such promo code")]
    PromoCodeUnknown,
    #[error("the promo code is not valid now")]
    PromoCodeNotValidNow,
    #[error("the promo code has been used up")]
    PromoCodeUsedUp,
    #[error("the promo code is not for this product")]
    PromoCodeNotForProduct,
    #[error("the buyer has access to all of it for ever already")]
    AlreadyOwned,
    #[error("the order is {0} already")]
    OrderNotPayable(&'static str),
    #[error("the order is {0} and cannot be cancelled")]
    OrderNotCancellable(&'static str),
    #[error("it is not known yet what became of an earlier payment of this order: look at its payments in a minute")]
    PaymentUnresolved,
    #[error("too many payments of this order were started")]
    TooManyPayments,
    #[error("the provider does not take {0}")]
    AmountNotAccepted(values::Money),
    #[error("the payment provider could not be reached; nothing was started")]
    ProviderUnavailable,
    #[error("the order is {0}; only a paid order can be refunded")]
    OrderNotRefundable(&'static str),
    #[error("a refund of this order is on its way already")]
    RefundInProgress,
    #[error("only all of it, {0}, can be given back for now")]
    RefundNotWhole(values::Money),
}
