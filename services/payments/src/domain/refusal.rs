//! Every reason for which the law says no: its kind, its text for the caller, its public code and what it tells
//! machines.

use time::OffsetDateTime;
use values::{Currency, Money};

use super::{RunId, attempt::MAX_PER_ORDER, order::State};

values::refusals! {
    /// A request that the law refuses.
    pub enum Refusal {
        ProductNotFound: NotFound "there is no such product",
        PromoCodeNotFound: NotFound "there is no such promo code",
        OrderNotFound: NotFound "there is no such order",
        RunUnknown { run_id: RunId }: Conflict
            "run {run_id} is not published, or was published a moment ago: try again after a second" after 1,
        EtagMismatch { etag: i64 }: Stale "it was changed by somebody else: read it again and repeat the change",
        ProductNotForSale { currency: Currency }: Conflict "the product is not for sale in {currency}",
        PriceTaken: Conflict "the product already has a price in this currency that starts at this moment",
        PriceInThePast: Conflict "a price cannot start in the past",
        EmptyWindow: Invalid "it would end before it starts",
        PromoCodeTaken: Conflict "another promo code has this code already",
        MaxUsesBelowUses { uses: i32 }: Conflict "{uses} orders use the promo code already",
        PromoCodeUnknown: NotFound "there is no such promo code",
        PromoCodeDisabled: Conflict "the promo code is not valid now" as "PROMO_CODE_NOT_VALID_NOW",
        PromoCodeNotYet { from: OffsetDateTime }: Conflict
            "the promo code is not valid yet" as "PROMO_CODE_NOT_VALID_NOW",
        PromoCodeOver { until: OffsetDateTime }: Conflict
            "the promo code is not valid any more" as "PROMO_CODE_NOT_VALID_NOW",
        /// `limit` is the field of the promo code that says how often: `maxUses` or `maxUsesPerBuyer`.
        PromoCodeUsedUp { limit: &'static str, max: i32 }: Conflict "the promo code has been used up",
        PromoCodeNotForProduct: Conflict "the promo code is not for this product",
        AlreadyOwned: Conflict "the buyer has access to all of it for ever already",
        OrderNotPayable { state: &'static str }: Conflict "the order is {state} already",
        /// It waits to be paid still, but nobody may begin to pay it any more.
        OrderOverdue { until: OffsetDateTime }: Conflict
            ("the order is {state} already", state = State::Expired.as_str()) as "ORDER_NOT_PAYABLE",
        OrderNotCancellable { state: &'static str }: Conflict "the order is {state} and cannot be cancelled",
        PaymentUnresolved: Conflict
            "it is not known yet what became of an earlier payment of this order: look at its payments in a minute"
            after 30,
        TooManyPayments: Conflict
            ("too many payments of this order were started: {max} at most", max = MAX_PER_ORDER),
        /// `min` and `max` are minor units of `currency`.
        AmountNotAccepted { min: i64, max: i64, currency: Currency }: Conflict
            ("the provider takes {} to {}", Money::new(*min, *currency), Money::new(*max, *currency)),
        ProviderUnavailable: Unavailable "the payment provider could not be reached; nothing was started" after 5,
        OrderNotRefundable { state: &'static str }: Conflict "the order is {state}; only a paid order can be refunded",
        RefundInProgress: Conflict "a refund of this order is on its way already",
        /// What can be given back, in minor units of `currency`.
        RefundNotWhole { minor: i64, currency: Currency }: Conflict
            ("only all of it, {}, can be given back for now", Money::new(*minor, *currency)),
    }
}
