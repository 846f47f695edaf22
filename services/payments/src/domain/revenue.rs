//! Facts from which a ledger can be posted: money that came and went, per run, each with a source that makes it unique.

use time::OffsetDateTime;
use values::Money;

use super::{AttemptId, FactId, Order, OrderId, RefundId, RunId};

/// One movement of money. Written once, never changed; a correction is another fact.
#[derive(Debug, Clone, PartialEq, Eq, values::Record)]
pub struct Fact {
    #[record(name = "fact_id")]
    pub id: FactId,
    pub kind: Kind,
    #[record(flatten)]
    pub source: Source,
    #[record(name = "order_id")]
    pub order: OrderId,
    /// What it was earned with; none for money that was never earned.
    #[record(name = "run_id")]
    pub run: Option<RunId>,
    #[record(flatten)]
    pub amount: Money,
    pub occurred_at: OffsetDateTime,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, values::Named)]
pub enum Kind {
    /// Money paid an order.
    Captured,
    /// Money came that nothing was owed for.
    Overpaid,
    /// Money of an order went back.
    Refunded,
    /// Money that nothing was owed for went back.
    OverpaidReturned,
}

/// By what it happened; with the kind and the run it is unique.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    Attempt(AttemptId),
    Refund(RefundId),
}

/// The shares of an order's total in what it opens, run by run.
pub fn shares(order: &Order) -> Vec<(RunId, Money)> {
    let shares = order.items.iter().flat_map(|item| {
        let runs = item.grants.iter().map(|grant| grant.run);
        runs.zip(split(item.amounts.total, item.grants.len()))
    });
    shares.collect()
}

/// Splits an amount that is not negative evenly; the first parts get the minor units that do not divide.
pub fn split(amount: Money, parts: usize) -> Vec<Money> {
    let Some(count) = i64::try_from(parts).ok().filter(|count| *count > 0) else { return vec![] };
    let (each, rest) = (amount.minor() / count, amount.minor() % count);
    (0..count).map(|part| Money::new(each + i64::from(part < rest), amount.currency())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use values::Currency;

    proptest! {
        #[test]
        fn no_kopeck_is_lost_or_made(minor in 0_i64..=i64::MAX, parts in 1_usize..=20) {
            let shares = split(Money::new(minor, Currency::RUB), parts);
            prop_assert_eq!(shares.len(), parts);
            prop_assert_eq!(shares.iter().map(|share| i128::from(share.minor())).sum::<i128>(), i128::from(minor));
            let (least, most) = (shares.iter().map(|s| s.minor()).min(), shares.iter().map(|s| s.minor()).max());
            prop_assert!(most.unwrap() - least.unwrap() <= 1);
        }
    }

    #[test]
    fn nothing_is_split_into_nothing() {
        assert!(split(Money::new(100, Currency::RUB), 0).is_empty());
    }
}
