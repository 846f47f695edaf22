//! How many different people learnt in a window of days, from how long before each day its learners had learnt last.

use time::Date;
use values::Record;

use super::calendar::{Granularity, Span};

/// Some of a day's learners: those who learnt last `gap` days before; 32 stands for longer ago and never.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Record)]
pub struct Gap {
    pub day: Date,
    pub gap: i16,
    pub learners: i64,
}

/// The longest window that can be counted.
pub const LONGEST: u16 = 32;

/// How many different people learnt in a window of at most [`LONGEST`] days: each is counted on the first day in it, which is the
/// one whose gap reaches back to before the window.
pub fn different(gaps: &[Gap], window: Span) -> i64 {
    let inside = gaps.iter().filter(|gap| window.contains(gap.day));
    inside.filter(|gap| i64::from(gap.gap) > (gap.day - window.from).whole_days()).map(|gap| gap.learners).sum()
}

/// The first day of each period, and how many different people learnt in it. The gaps are in the order of their days.
pub fn by_period(gaps: &[Gap], span: Span, by: Granularity) -> Vec<(Date, i64)> {
    let mut gaps = gaps;
    let periods = span.periods(by).into_iter().map(|period| {
        let (inside, later) = gaps.split_at(gaps.partition_point(|gap| gap.day <= period.days.to));
        gaps = later;
        (period.start, different(inside, period.days))
    });
    periods.collect()
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;
    use time::{Duration, macros::date};

    use super::*;

    proptest! {
        #[test]
        fn gaps_count_the_same_as_counting_heads(
            learnt in prop::collection::btree_set((0_u8..6, 0_i64..120), 0..80), first in 0_i64..120, days in 1_u16..=LONGEST,
        ) {
            let day = |number: i64| date!(2026 - 01 - 01) + Duration::days(number);
            let mut gaps = BTreeMap::new();
            for &(who, on) in &learnt {
                let last = learnt.range((who, 0)..(who, on)).next_back().map(|(_, last)| on - last);
                *gaps.entry((on, last.unwrap_or(32).min(32))).or_insert(0_i64) += 1;
            }
            let gaps = gaps.into_iter().map(|((on, gap), learners)| {
                Gap { day: day(on), gap: i16::try_from(gap).unwrap(), learners }
            });
            let gaps: Vec<_> = gaps.collect();
            let window = Span::ending(day(first + i64::from(days) - 1), days);
            let heads: BTreeSet<_> = learnt.iter().filter(|(_, on)| window.contains(day(*on))).map(|(who, _)| who).collect();
            prop_assert_eq!(different(&gaps, window), i64::try_from(heads.len()).unwrap());
        }
    }
}
