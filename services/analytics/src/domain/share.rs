//! Averages and shares in whole numbers, rounded half to even, so that nothing is rounded twice the same way.

/// A sum by a number of things; nothing by nothing.
pub fn average(sum: i64, count: i64) -> Option<i64> {
    (count > 0).then(|| half_even(i128::from(sum), i128::from(count)))
}

/// How many of `whole` are `part`, in hundredths of a per cent; 0 where there is no whole.
pub fn basis_points(part: i64, whole: i64) -> i32 {
    if whole <= 0 {
        return 0;
    }
    i32::try_from(half_even(i128::from(part) * 10_000, i128::from(whole))).unwrap_or(i32::MAX)
}

/// `by` is more than 0.
fn half_even(amount: i128, by: i128) -> i64 {
    let (floor, rest) = (amount.div_euclid(by), amount.rem_euclid(by));
    let up = rest * 2 > by || (rest * 2 == by && floor % 2 != 0);
    i64::try_from(floor + i128::from(up)).unwrap_or(i64::MAX)
}

/// A step of a funnel: how many came so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    pub name: &'static str,
    pub count: i64,
    pub of_first: i32,
    pub of_previous: i32,
}

/// The steps of a funnel with their shares.
pub fn funnel<const N: usize>(counts: [(&'static str, i64); N]) -> [Step; N] {
    let first = counts.first().map_or(0, |(_, count)| *count);
    let mut previous = first;
    counts.map(|(name, count)| {
        let step =
            Step { name, count, of_first: basis_points(count, first), of_previous: basis_points(count, previous) };
        previous = count;
        step
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn halves_go_to_the_even_neighbour() {
        let averages = [(5, 2), (7, 2), (-5, 2), (-7, 2), (10, 4), (11, 4), (0, 3)].map(|(sum, n)| average(sum, n));
        assert_eq!(averages, [2, 4, -2, -4, 2, 3, 0].map(Some));
        assert_eq!(average(1, 0), None);
        assert_eq!([basis_points(1, 3), basis_points(2, 3), basis_points(1, 0)], [3_333, 6_667, 0]);
    }

    #[test]
    fn a_funnel_compares_with_the_first_step_and_the_one_before() {
        let steps = funnel([("A", 8), ("B", 4), ("C", 1)]);
        assert_eq!(
            steps.map(|step| (step.of_first, step.of_previous)),
            [(10_000, 10_000), (5_000, 5_000), (1_250, 2_500)]
        );
        assert_eq!(funnel([("A", 0), ("B", 0)]).map(|step| (step.of_first, step.of_previous)), [(0, 0), (0, 0)]);
    }

    proptest! {
        #[test]
        fn an_average_is_as_near_as_it_can_be(sum in any::<i64>(), count in 1_i64..1_000_000) {
            let average = i128::from(average(sum, count).unwrap());
            prop_assert!((average * i128::from(count) - i128::from(sum)).abs() * 2 <= i128::from(count));
        }
    }
}
