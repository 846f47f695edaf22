//! Revenue of days, put together to periods.

use time::Date;
use values::Record;

use super::{
    calendar::{Granularity, Span},
    share::average,
};

/// Money and orders of one currency, of a day or of more; sums are wider than what they consist of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Record)]
pub struct Revenue {
    pub gross: i64,
    pub orders: i64,
    pub refunded: i64,
    pub refunds: i64,
}

/// The money of a period is more than 64 bits hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the revenue of a period does not fit 64 bits")]
pub struct TooMuch;

impl Revenue {
    pub fn net(self) -> i64 {
        self.gross.saturating_sub(self.refunded)
    }

    /// The average paid order.
    pub fn average_order(self) -> Option<i64> {
        average(self.gross, self.orders)
    }

    fn and(self, other: Self) -> Result<Self, TooMuch> {
        Ok(Self {
            gross: self.gross.checked_add(other.gross).ok_or(TooMuch)?,
            orders: self.orders.checked_add(other.orders).ok_or(TooMuch)?,
            refunded: self.refunded.checked_add(other.refunded).ok_or(TooMuch)?,
            refunds: self.refunds.checked_add(other.refunds).ok_or(TooMuch)?,
        })
    }
}

/// All days of a span together.
pub fn total(days: &[(Date, Revenue)], span: Span) -> Result<Revenue, TooMuch> {
    let inside = days.iter().filter(|(day, _)| span.contains(*day));
    inside.map(|(_, revenue)| *revenue).try_fold(Revenue::default(), Revenue::and)
}

/// One row a period, also for one without revenue. The days are in order.
pub fn by_period(days: &[(Date, Revenue)], span: Span, by: Granularity) -> Result<Vec<(Date, Revenue)>, TooMuch> {
    let mut days = days;
    let periods = span.periods(by).into_iter().map(|period| {
        let here = days.partition_point(|(day, _)| *day <= period.days.to);
        let (inside, later) = days.split_at(here);
        days = later;
        Ok((period.start, total(inside, period.days)?))
    });
    periods.collect()
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;

    #[test]
    fn periods_without_revenue_are_there_and_nothing_outside_is() {
        let revenue = |gross| Revenue { gross, orders: 1, ..Revenue::default() };
        let days = [
            (date!(2026 - 09 - 30), revenue(1)),
            (date!(2026 - 10 - 01), revenue(10)),
            (date!(2026 - 12 - 05), revenue(100)),
            (date!(2026 - 12 - 06), revenue(1_000)),
        ];
        let span = Span { from: date!(2026 - 10 - 01), to: date!(2026 - 12 - 05) };
        let rows = by_period(&days, span, Granularity::Month).unwrap();
        let gross: Vec<_> = rows.iter().map(|(start, row)| (start.to_string(), row.gross, row.orders)).collect();
        let expected = [("2026-10-01", 10, 1), ("2026-11-01", 0, 0), ("2026-12-01", 100, 1)];
        assert_eq!(gross, expected.map(|(start, gross, orders)| (start.to_owned(), gross, orders)));
        assert_eq!(total(&days, span).unwrap().gross, 110);
        let too_much = [(date!(2026 - 10 - 01), revenue(i64::MAX)), (date!(2026 - 10 - 02), revenue(1))];
        assert_eq!(total(&too_much, span), Err(TooMuch));
    }
}
