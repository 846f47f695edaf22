//! Promo codes: what they take off, for whom, when and how often.

use std::str::FromStr;

use time::OffsetDateTime;
use values::{Money, MoneyError};

use super::{ProductId, PromoCodeId, Refusal, product::MAX_PRICE};

/// A code that makes an order cheaper.
#[derive(Debug, Clone, PartialEq, Eq, values::Record)]
pub struct PromoCode {
    #[record(name = "promo_code_id")]
    pub id: PromoCodeId,
    pub code: Code,
    #[record(flatten)]
    pub discount: Discount,
    pub starts_at: OffsetDateTime,
    pub ends_at: Option<OffsetDateTime>,
    pub max_uses: Limit,
    pub max_uses_per_buyer: Limit,
    /// Empty for all.
    #[record(skip)]
    pub products: Vec<ProductId>,
    pub state: State,
    /// Orders that hold or have used it.
    pub uses: i32,
    pub version: i64,
    pub created_at: OffsetDateTime,
}

/// Whether it is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, values::Named)]
pub enum State {
    #[default]
    Active,
    Disabled,
}

/// In which order promo codes are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, values::Named)]
pub enum OrderBy {
    #[default]
    CreatedAtDesc,
    Code,
}

/// What people type, as it was issued; two codes that differ only in case are the same.
#[derive(Debug, Clone, PartialEq, Eq, values::Column)]
#[column(parse)]
pub struct Code(String);

/// A text that cannot be a promo code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected 3 to 40 letters, digits, hyphens or underscores")]
pub struct BadCode;

values::mistake!(BadCode => Malformed);

impl Code {
    /// Takes what was typed; letters of any script, because schools write theirs in Russian too.
    pub fn parse(text: &str) -> Result<Self, BadCode> {
        let text = text.trim();
        let fits = text.len() <= 160 && (3..=40).contains(&text.chars().count());
        let clean = text.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_'));
        if fits && clean { Ok(Self(text.to_owned())) } else { Err(BadCode) }
    }

    /// As it was issued.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What codes are compared by.
    pub fn folded(&self) -> String {
        // Upper and lower once more: letters with several forms (ß, final sigma) meet only so.
        self.0.to_uppercase().to_lowercase()
    }
}

impl FromStr for Code {
    type Err = BadCode;

    fn from_str(text: &str) -> Result<Self, BadCode> {
        Self::parse(text)
    }
}

/// What it takes off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Discount {
    /// Hundredths of a percent.
    Percent(BasisPoints),
    /// For prices in its currency.
    Amount(Money),
}

/// Hundredths of a percent, 1 to 10,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BasisPoints(u32);

/// A share that is no discount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected 1 to 10000 hundredths of a percent")]
pub struct BadBasisPoints;

values::mistake!(BadBasisPoints => OutOfRange, min = 1, max = 10_000);

impl BasisPoints {
    /// The share.
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl TryFrom<u32> for BasisPoints {
    type Error = BadBasisPoints;

    fn try_from(points: u32) -> Result<Self, BadBasisPoints> {
        if (1..=10_000).contains(&points) { Ok(Self(points)) } else { Err(BadBasisPoints) }
    }
}

/// An amount that is no discount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected 1 to {MAX_PRICE}")]
pub struct BadDiscount;

values::mistake!(BadDiscount => OutOfRange, min = 1, max = MAX_PRICE);

impl Discount {
    /// A fixed amount.
    pub fn fixed(amount: Money) -> Result<Self, BadDiscount> {
        if (1..=MAX_PRICE).contains(&amount.minor()) { Ok(Self::Amount(amount)) } else { Err(BadDiscount) }
    }

    /// What it takes off this price: never more than the price. A fixed amount does nothing to a price in another
    /// currency (none).
    pub fn of(self, price: Money) -> Result<Option<Money>, MoneyError> {
        match self {
            Self::Percent(points) => price.checked_sub(price.percent_off(points.get())?).map(Some),
            Self::Amount(amount) if amount.currency() == price.currency() => {
                Ok(Some(Money::new(amount.minor().min(price.minor()), price.currency())))
            }
            Self::Amount(_) => Ok(None),
        }
    }
}

/// How often something may happen; zero is without limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, values::Column)]
pub struct Limit(i32);

/// A number that is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected 1 to 1000000, or 0 for no limit")]
pub struct BadLimit;

values::mistake!(BadLimit => OutOfRange, min = 0, max = 1_000_000);

impl Limit {
    /// The number, zero for no limit.
    pub const fn get(self) -> i32 {
        self.0
    }

    const fn allows_after(self, uses: i32) -> bool {
        self.0 == 0 || uses < self.0
    }
}

impl TryFrom<u32> for Limit {
    type Error = BadLimit;

    fn try_from(limit: u32) -> Result<Self, BadLimit> {
        i32::try_from(limit).ok().filter(|limit| *limit <= 1_000_000).map(Self).ok_or(BadLimit)
    }
}

impl PromoCode {
    /// Whether this buyer may use it for this product now. `uses_of_buyer` counts the buyer's orders that hold or have
    /// used it.
    pub fn admit(&self, product: ProductId, uses_of_buyer: i32, now: OffsetDateTime) -> Result<(), Refusal> {
        if self.state == State::Disabled {
            return Err(Refusal::PromoCodeDisabled);
        }
        if now < self.starts_at {
            return Err(Refusal::PromoCodeNotYet { from: self.starts_at });
        }
        if let Some(until) = self.ends_at.filter(|end| *end <= now) {
            return Err(Refusal::PromoCodeOver { until });
        }
        if !self.products.is_empty() && !self.products.contains(&product) {
            return Err(Refusal::PromoCodeNotForProduct);
        }
        let limits =
            [("maxUses", self.max_uses, self.uses), ("maxUsesPerBuyer", self.max_uses_per_buyer, uses_of_buyer)];
        match limits.into_iter().find(|(_, limit, uses)| !limit.allows_after(*uses)) {
            Some((limit, max, _)) => Err(Refusal::PromoCodeUsedUp { limit, max: max.get() }),
            None => Ok(()),
        }
    }

    /// The next version of it; refuses a limit that is passed already.
    pub fn changed(self) -> Result<Self, Refusal> {
        if self.max_uses.get() != 0 && self.max_uses.get() < self.uses {
            return Err(Refusal::MaxUsesBelowUses { uses: self.uses });
        }
        Ok(Self { version: self.version + 1, ..self })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;
    use time::{Duration, macros::datetime};
    use values::{Currency, Id};

    const NOW: OffsetDateTime = datetime!(2026-03-02 09:00 UTC);

    pub(in crate::domain) fn promo_code(discount: Discount) -> PromoCode {
        PromoCode {
            id: Id::new(NOW),
            code: Code::parse("SPRING-26").unwrap(),
            discount,
            starts_at: NOW,
            ends_at: Some(NOW + Duration::days(1)),
            max_uses: Limit(0),
            max_uses_per_buyer: Limit(0),
            products: vec![],
            state: State::Active,
            uses: 0,
            version: 1,
            created_at: NOW,
        }
    }

    fn tenth() -> PromoCode {
        promo_code(Discount::Percent(BasisPoints(1_000)))
    }

    #[test]
    fn codes_that_differ_in_case_are_the_same() {
        for (one, other) in [("Spring-26", "sPRING-26"), ("ВЕСНА", "весна")] {
            assert_eq!(Code::parse(one).unwrap().folded(), Code::parse(other).unwrap().folded());
        }
        for bad in ["", "ab", "has blank", "semi;colon", &"x".repeat(41)] {
            assert_eq!(Code::parse(bad), Err(BadCode), "{bad:?}");
        }
    }

    #[test]
    fn a_code_works_inside_its_window_only() {
        let product = Id::new(NOW);
        let at = |seconds| tenth().admit(product, 0, NOW + Duration::seconds(seconds));
        assert_eq!(at(-1), Err(Refusal::PromoCodeNotYet { from: NOW }));
        assert_eq!(at(0), Ok(()));
        assert_eq!(at(86_399), Ok(()));
        assert_eq!(at(86_400), Err(Refusal::PromoCodeOver { until: NOW + Duration::DAY }));
        let disabled = PromoCode { state: State::Disabled, ..tenth() };
        assert_eq!(disabled.admit(product, 0, NOW), Err(Refusal::PromoCodeDisabled));
    }

    #[test]
    fn limits_count_all_orders_and_those_of_the_buyer() {
        let product = Id::new(NOW);
        let limited = PromoCode { max_uses: Limit(2), max_uses_per_buyer: Limit(1), uses: 1, ..tenth() };
        assert_eq!(limited.admit(product, 0, NOW), Ok(()));
        let refused = |limit, max| Err(Refusal::PromoCodeUsedUp { limit, max });
        assert_eq!(limited.admit(product, 1, NOW), refused("maxUsesPerBuyer", 1));
        let used_up = PromoCode { uses: 2, ..limited };
        assert_eq!(used_up.admit(product, 0, NOW), refused("maxUses", 2));
    }

    #[test]
    fn a_limit_is_not_lowered_below_what_was_used() {
        let used = PromoCode { uses: 5, max_uses: Limit(4), ..tenth() };
        assert_eq!(used.clone().changed(), Err(Refusal::MaxUsesBelowUses { uses: 5 }));
        assert_eq!(PromoCode { max_uses: Limit(5), ..used.clone() }.changed().unwrap().version, 2);
        assert!(PromoCode { max_uses: Limit(0), ..used }.changed().is_ok());
    }

    #[test]
    fn a_code_for_other_products_is_refused() {
        let (product, other) = (Id::new(NOW), Id::new(NOW));
        let scoped = PromoCode { products: vec![product], ..tenth() };
        assert_eq!(scoped.admit(product, 0, NOW), Ok(()));
        assert_eq!(scoped.admit(other, 0, NOW), Err(Refusal::PromoCodeNotForProduct));
    }

    #[test]
    fn a_fixed_amount_is_for_its_own_currency() {
        let off = Discount::Amount(Money::new(500, Currency::RUB));
        assert_eq!(off.of(Money::new(300, Currency::RUB)), Ok(Some(Money::new(300, Currency::RUB))));
        assert_eq!(off.of(Money::new(300, Currency::parse("USD").unwrap())), Ok(None));
    }

    proptest! {
        #[test]
        fn a_discount_is_between_nothing_and_the_price(
            price in 0_i64..=i64::MAX, points in 1_u32..=10_000, amount in 0_i64..=i64::MAX,
        ) {
            let price = Money::new(price, Currency::RUB);
            let percent = Discount::Percent(BasisPoints::try_from(points).unwrap());
            for discount in [percent, Discount::Amount(Money::new(amount, Currency::RUB))] {
                let off = discount.of(price).unwrap().unwrap();
                prop_assert!((0..=price.minor()).contains(&off.minor()));
            }
        }

        #[test]
        fn any_text_is_a_code_or_refused(text in ".{0,60}") {
            if let Ok(code) = Code::parse(&text) {
                prop_assert_eq!(Code::parse(&code.as_str().to_uppercase()).map(|c| c.folded()), Ok(code.folded()));
            }
        }
    }
}
