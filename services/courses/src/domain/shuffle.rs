//! The order of questions and options in an attempt: shuffled by a seed, so that the same attempt always looks the same.

use super::id::AttemptId;

/// What an attempt's order is made of. Ids carry 62 random bits, so that no second source of chance is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seed(u64);

impl Seed {
    pub fn of(attempt: AttemptId) -> Self {
        Self(attempt.uuid().as_u64_pair().1)
    }

    /// A seed for a part of the attempt, so that two questions do not shuffle alike.
    pub fn part(self, number: usize) -> Self {
        Self(self.0 ^ (number as u64 + 1).wrapping_mul(0xd134_2543_de82_ef95))
    }

    /// Puts the items into the seed's order (Fisher and Yates).
    pub fn shuffle<T>(self, items: &mut [T]) {
        let mut state = self.0;
        for last in (1..items.len()).rev() {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            // The remainder favours small numbers by less than 1 in 2⁵⁰: nobody learns anything from it.
            let at = mix(state) % (last as u64 + 1);
            items.swap(last, usize::try_from(at).unwrap_or(last));
        }
    }
}

/// SplitMix64's output function (Steele, Lea, Flood 2014).
const fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_shuffle_keeps_every_item_and_is_the_same_each_time(seed: u64, length in 0..50_usize) {
            let shuffled = || {
                let mut items: Vec<_> = (0..length).collect();
                Seed(seed).shuffle(&mut items);
                items
            };
            let mut items = shuffled();
            prop_assert_eq!(&items, &shuffled());
            items.sort_unstable();
            prop_assert_eq!(items, (0..length).collect::<Vec<_>>());
        }
    }

    #[test]
    fn every_order_comes_up() {
        let mut seen = std::collections::BTreeSet::new();
        for seed in 0..200 {
            let mut items = [1, 2, 3];
            Seed(seed).shuffle(&mut items);
            seen.insert(items);
        }
        assert_eq!(seen.len(), 6);
    }
}
