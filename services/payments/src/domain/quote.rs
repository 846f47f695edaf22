//! What an order would cost: one product, its price in force, perhaps a promo code.

use values::{Money, MoneyError};

use super::{ProductId, PromoCode, Refusal};

/// A price with what comes off it. `price = discount + total`, none of them negative, all in one currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Amounts {
    pub price: Money,
    pub discount: Money,
    pub total: Money,
}

/// What a product costs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quote {
    pub product: ProductId,
    pub amounts: Amounts,
}

impl Quote {
    /// Takes what an admitted promo code takes off.
    pub fn of(product: ProductId, price: Money, promo: Option<&PromoCode>) -> Result<Self, QuoteError> {
        let nothing = Money::new(0, price.currency());
        let discount = match promo {
            Some(promo) => promo.discount.of(price)?.ok_or(Refusal::PromoCodeNotForProduct)?,
            None => nothing,
        };
        let total = price.checked_sub(discount)?;
        Ok(Self { product, amounts: Amounts { price, discount, total } })
    }
}

/// Why there is no quote.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuoteError {
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error(transparent)]
    Money(#[from] MoneyError),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::promo::{BasisPoints, Discount, tests::promo_code};
    use proptest::prelude::*;
    use time::macros::datetime;
    use values::{Currency, Id};

    proptest! {
        #[test]
        fn discount_and_total_make_up_the_price(
            price in 0_i64..=9_999_999_999, points in 1_u32..=10_000, fixed in 0_i64..=9_999_999_999,
        ) {
            let product = Id::new(datetime!(2026-03-02 09:00 UTC));
            let price = Money::new(price, Currency::RUB);
            let percent = promo_code(Discount::Percent(BasisPoints::try_from(points).unwrap()));
            let amount = promo_code(Discount::Amount(Money::new(fixed, Currency::RUB)));
            for promo in [None, Some(&percent), Some(&amount)] {
                let quote = Quote::of(product, price, promo).unwrap().amounts;
                prop_assert_eq!(quote.discount.checked_add(quote.total), Ok(price));
                prop_assert!(!quote.discount.is_negative() && !quote.total.is_negative());
            }
        }
    }

    #[test]
    fn a_fixed_amount_in_another_currency_is_refused_rather_than_ignored() {
        let promo = promo_code(Discount::Amount(Money::new(5, Currency::parse("USD").unwrap())));
        let product = Id::new(datetime!(2026-03-02 09:00 UTC));
        let refused = Quote::of(product, Money::new(100, Currency::RUB), Some(&promo));
        assert_eq!(refused, Err(QuoteError::Refused(Refusal::PromoCodeNotForProduct)));
    }
}
