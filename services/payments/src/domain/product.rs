//! Products: what can be bought, what it opens, and which of its prices is in force.

use std::collections::{BTreeSet, HashSet};

use rpc::{Fields, Violation, ViolationCode};
use time::{Duration, OffsetDateTime};
use values::{
    Currency, Money, Text,
    record::{Seconds, Stored},
};

use super::{CourseId, PriceId, ProductId, Refusal, RunId};

/// What a product is called.
pub type Title = Text<1, 200>;
/// What the buyer gets.
pub type Description = Text<0, 10_000>;

/// How many runs one product opens at most.
pub const MAX_GRANTS: usize = 20;
/// The largest price: ten digits, the most that every provider takes.
pub const MAX_PRICE: i64 = 9_999_999_999;

/// An amount that is no price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected 0 to {MAX_PRICE}")]
pub struct BadAmount;

values::mistake!(BadAmount => OutOfRange, min = 0, max = MAX_PRICE);

/// Takes an amount that may be a price or a part of one.
pub fn amount(amount: Money) -> Result<Money, BadAmount> {
    if (0..=MAX_PRICE).contains(&amount.minor()) { Ok(amount) } else { Err(BadAmount) }
}

/// Something that can be bought.
#[derive(Debug, Clone, PartialEq, Eq, values::Record)]
pub struct Product {
    #[record(name = "product_id")]
    pub id: ProductId,
    pub title: Title,
    pub description: Description,
    #[record(skip)]
    pub grants: Vec<Grant>,
    pub state: State,
    pub version: i64,
    pub created_at: OffsetDateTime,
    pub updated_at: OffsetDateTime,
}

/// Whether it can be bought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, values::Named)]
pub enum State {
    Active,
    Archived,
}

/// In which order products are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, values::Named)]
pub enum OrderBy {
    #[default]
    CreatedAtDesc,
    Title,
}

/// Access to one run, with what its course was called when it was granted.
#[derive(Debug, Clone, PartialEq, Eq, values::Record)]
pub struct Grant {
    #[record(name = "run_id")]
    pub run: RunId,
    #[record(name = "course_id")]
    pub course: CourseId,
    pub title: String,
    /// None for ever.
    #[record(name = "access_seconds", with = Seconds)]
    pub access: Option<Access>,
}

/// How long access lasts after payment, in whole seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Access(Duration);

/// A time that is no use as access.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected one hour to ten years, in whole seconds")]
pub struct BadAccess;

values::mistake!(BadAccess => OutOfRange, min = "3600s", max = "315619200s");

impl Access {
    /// Takes a length of time.
    pub fn parse(length: Duration) -> Result<Self, BadAccess> {
        let sane = Duration::hours(1) <= length && length <= Duration::days(3_653);
        if sane && length.subsec_nanoseconds() == 0 { Ok(Self(length)) } else { Err(BadAccess) }
    }

    /// The length.
    pub const fn get(self) -> Duration {
        self.0
    }
}

/// A run that a product shall open, and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Granting {
    pub run: RunId,
    /// None for ever.
    pub access: Option<Access>,
}

impl Granting {
    /// Takes the runs of the field `grants`, each of which may stand there once.
    pub fn all(fields: &mut Fields, sent: Vec<(RunId, Option<Duration>)>) -> Option<Vec<Self>> {
        let mut runs = HashSet::new();
        if !sent.iter().all(|(run, _)| runs.insert(*run)) {
            fields.note(Violation::new("grants", ViolationCode::NotUnique, "expected each run once"));
            return None;
        }
        let grants = sent.into_iter().enumerate().map(|(at, (run, length))| {
            let length = length.map(Access::parse);
            let access = fields.item("grants", at, |fields| fields.take_if("access_duration", length))?;
            Some(Self { run, access })
        });
        // Every one is looked at, so that all mistakes are told.
        grants.collect::<Vec<_>>().into_iter().collect()
    }
}

/// A product with those of its prices that hold now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    pub product: Product,
    pub prices: Vec<Price>,
}

impl Stored<Access> for Seconds {
    type As = i64;
    type Error = BadAccess;

    fn stored(access: &Access) -> i64 {
        access.0.whole_seconds()
    }

    fn read(seconds: i64) -> Result<Access, BadAccess> {
        Access::parse(Duration::seconds(seconds))
    }
}

impl Product {
    /// Takes it off the shelf; twice changes nothing.
    #[must_use]
    pub fn archived(self, now: OffsetDateTime) -> Self {
        match self.state {
            State::Active => Self { state: State::Archived, ..self }.changed(now),
            State::Archived => self,
        }
    }

    /// The next version of it.
    #[must_use]
    pub fn changed(self, now: OffsetDateTime) -> Self {
        Self { version: self.version + 1, updated_at: now, ..self }
    }
}

/// Refuses an edit of another version than the editor saw. An editor who names none accepts any.
pub fn expect_version(version: i64, seen: Option<i64>) -> Result<(), Refusal> {
    match seen {
        Some(seen) if seen != version => Err(Refusal::EtagMismatch { etag: version }),
        _ => Ok(()),
    }
}

/// What a product costs in one currency from a moment on, for good or for a while. Never changed, never deleted.
#[derive(Debug, Clone, PartialEq, Eq, values::Record)]
pub struct Price {
    #[record(name = "price_id")]
    pub id: PriceId,
    #[record(name = "product_id")]
    pub product: ProductId,
    #[record(flatten)]
    pub amount: Money,
    pub starts_at: OffsetDateTime,
    pub ends_at: Option<OffsetDateTime>,
    pub created_at: OffsetDateTime,
}

impl Price {
    fn holds_at(&self, now: OffsetDateTime) -> bool {
        self.starts_at <= now && self.ends_at.is_none_or(|end| now < end)
    }
}

/// The one price in force: of those in the currency that hold now, the one that started last.
///
/// A later price takes over from an earlier one; when it ends, the earlier one is back.
pub fn in_force(prices: &[Price], currency: Currency, now: OffsetDateTime) -> Option<&Price> {
    let of_currency = prices.iter().filter(|price| price.amount.currency() == currency);
    of_currency.filter(|price| price.holds_at(now)).max_by_key(|price| price.starts_at)
}

/// The prices in force, one per currency, by currency.
pub fn all_in_force(prices: &[Price], now: OffsetDateTime) -> Vec<Price> {
    let currencies: BTreeSet<Currency> = prices.iter().map(|price| price.amount.currency()).collect();
    currencies.into_iter().filter_map(|currency| in_force(prices, currency, now)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use time::macros::datetime;
    use values::Id;

    const NOW: OffsetDateTime = datetime!(2026-03-02 09:00 UTC);

    fn price(minor: i64, starts: i64, ends: Option<i64>) -> Price {
        Price {
            id: Id::new(NOW),
            product: Id::new(NOW),
            amount: Money::new(minor, Currency::RUB),
            starts_at: NOW + Duration::hours(starts),
            ends_at: ends.map(|hours| NOW + Duration::hours(hours)),
            created_at: NOW,
        }
    }

    fn at(prices: &[Price], hours: i64) -> Option<i64> {
        in_force(prices, Currency::RUB, NOW + Duration::hours(hours)).map(|price| price.amount.minor())
    }

    #[test]
    fn a_sale_interrupts_the_usual_price_and_a_new_price_replaces_it() {
        let prices = [price(100, 0, None), price(80, 10, Some(20)), price(120, 30, None)];
        let seen: Vec<_> = [-1, 0, 9, 10, 19, 20, 29, 30, 999].into_iter().map(|hours| at(&prices, hours)).collect();
        let expected = [None, Some(100), Some(100), Some(80), Some(80), Some(100), Some(100), Some(120), Some(120)];
        assert_eq!(seen, expected);
    }

    #[test]
    fn currencies_have_prices_of_their_own() {
        let dollars = Currency::parse("USD").unwrap();
        let prices = [price(100, 0, None), Price { amount: Money::new(2, dollars), ..price(0, 5, None) }];
        assert_eq!(at(&prices, 6), Some(100));
        let found = all_in_force(&prices, NOW + Duration::hours(6));
        assert_eq!(found.iter().map(|price| price.amount.minor()).collect::<Vec<_>>(), [100, 2]);
        assert_eq!(all_in_force(&prices, NOW).len(), 1);
    }

    #[test]
    fn access_is_an_hour_to_ten_years() {
        for bad in [Duration::ZERO, Duration::minutes(59), Duration::days(4_000), Duration::hours(-5)] {
            assert_eq!(Access::parse(bad), Err(BadAccess));
        }
        assert_eq!(Access::parse(Duration::days(30)).unwrap().get(), Duration::days(30));
    }

    #[test]
    fn an_edit_of_an_old_version_is_refused() {
        assert_eq!(expect_version(3, None), Ok(()));
        assert_eq!(expect_version(3, Some(3)), Ok(()));
        assert_eq!(expect_version(3, Some(2)), Err(Refusal::EtagMismatch { etag: 3 }));
    }

    proptest! {
        #[test]
        fn at_most_one_price_per_currency_is_in_force(
            windows in prop::collection::vec((0_i64..50, prop::option::of(1_i64..50)), 0..12),
            hours in 0_i64..100,
        ) {
            let prices: Vec<Price> =
                windows.iter().map(|(starts, lasts)| price(1, *starts, lasts.map(|lasts| starts + lasts))).collect();
            let found = all_in_force(&prices, NOW + Duration::hours(hours));
            prop_assert!(found.len() <= 1);
            let some_holds = prices.iter().any(|price| price.holds_at(NOW + Duration::hours(hours)));
            prop_assert_eq!(found.len() == 1, some_holds);
        }
    }
}
