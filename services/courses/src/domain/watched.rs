//! Which parts of a video were watched: ranges in milliseconds, merged. Pure set union, so that order and repetition do not
//! matter.

use std::convert::Infallible;

use values::record::Stored;

use super::{
    content::{Percent, VideoLength},
    number::Unsigned,
};

/// A part of a video from the first millisecond to before the second.
pub type Range = (u32, u32);

/// How many ranges one report may carry.
pub const MAX_REPORTED: usize = 200;
/// How many ranges are kept. More gaps than that come from no player; the smallest of them are closed.
const MAX_KEPT: usize = 500;
/// Players round, so that a range may end this much after the video.
const ROUNDING_MS: i128 = 1_000;

/// The watched parts: in order, not empty, with unwatched time between them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Watched(Vec<Range>);

/// Why a report was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadRange {
    #[error("expected at most {MAX_REPORTED} parts")]
    TooMany,
    #[error("expected parts that begin at 0 or later")]
    Negative,
    #[error("expected parts that end after they begin")]
    Backwards,
    #[error("expected parts within the length of the video")]
    BeyondEnd,
}

impl Watched {
    /// Checks what a player reports: starts and ends in milliseconds.
    pub fn reported(ranges: &[(i128, i128)], length: VideoLength) -> Result<Self, BadRange> {
        if ranges.len() > MAX_REPORTED {
            return Err(BadRange::TooMany);
        }
        let end_of_video = i128::from(length.millis());
        let mut parts = Vec::with_capacity(ranges.len());
        for (start, end) in ranges.iter().copied() {
            if start < 0 {
                return Err(BadRange::Negative);
            }
            if end < start {
                return Err(BadRange::Backwards);
            }
            if end > end_of_video + ROUNDING_MS {
                return Err(BadRange::BeyondEnd);
            }
            let within = |at: i128| u32::try_from(at.min(end_of_video)).unwrap_or(length.millis());
            parts.push((within(start), within(end)));
        }
        Ok(Self::merged(parts))
    }

    fn merged(mut parts: Vec<Range>) -> Self {
        parts.retain(|(start, end)| start < end);
        parts.sort_unstable();
        let mut merged: Vec<Range> = Vec::with_capacity(parts.len());
        for (start, end) in parts {
            match merged.last_mut() {
                Some(last) if start <= last.1 => last.1 = last.1.max(end),
                _ => merged.push((start, end)),
            }
        }
        Self(merged)
    }

    /// What was watched in either.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        let mut all = self.0;
        all.extend(other.0);
        let mut union = Self::merged(all);
        union.close_gaps();
        union
    }

    /// Bounds what is stored, in the learner's favour.
    fn close_gaps(&mut self) {
        if self.0.len() <= MAX_KEPT {
            return;
        }
        let mut gaps: Vec<(u32, u32)> = self.0.windows(2).map(|pair| (pair[1].0 - pair[0].1, pair[0].1)).collect();
        gaps.sort_unstable();
        let closed = gaps.iter().take(self.0.len() - MAX_KEPT).map(|(gap, at)| (*at, at + gap));
        let all = self.0.iter().copied().chain(closed).collect();
        *self = Self::merged(all);
    }

    pub fn ranges(&self) -> &[Range] {
        &self.0
    }

    /// Milliseconds that were watched, each counted once.
    pub fn total(&self) -> u32 {
        self.0.iter().map(|(start, end)| end - start).sum()
    }

    /// The furthest point that was watched.
    pub fn furthest(&self) -> u32 {
        self.0.last().map_or(0, |(_, end)| *end)
    }

    /// Whether enough was watched. A hundredth of the video, at most a second, may be missing: players stop early.
    pub fn reaches(&self, share: Percent, length: VideoLength) -> bool {
        let slack = (length.millis() / 100).min(1_000);
        let counted = self.total().saturating_add(slack).min(length.millis());
        share.reached(u64::from(counted), u64::from(length.millis()))
    }

    /// The watched share in per cent, rounded down.
    pub fn percent(&self, length: VideoLength) -> u8 {
        let percent = u64::from(self.total()) * 100 / u64::from(length.millis());
        u8::try_from(percent.min(100)).unwrap_or(100)
    }
}

/// Kept as starts and ends by turns.
impl Stored<Self> for Watched {
    type As = Vec<i32>;
    type Error = Infallible;

    fn stored(watched: &Self) -> Vec<i32> {
        watched.0.iter().flat_map(|(start, end)| [Unsigned::stored(start), Unsigned::stored(end)]).collect()
    }

    fn read(stored: Vec<i32>) -> Result<Self, Infallible> {
        let pair = |pair: &[i32]| Ok::<Range, Infallible>((Unsigned::read(pair[0])?, Unsigned::read(pair[1])?));
        Ok(Self::merged(stored.chunks_exact(2).map(pair).collect::<Result<_, _>>()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn length(millis: i128) -> VideoLength {
        VideoLength::from_millis(millis).unwrap()
    }

    fn watched(ranges: &[(i128, i128)]) -> Watched {
        Watched::reported(ranges, length(100_000)).unwrap()
    }

    #[test]
    fn overlapping_and_touching_parts_become_one() {
        let parts = watched(&[(50, 60), (0, 10), (10, 20), (15, 30), (55, 58), (70, 70)]);
        assert_eq!(parts.ranges(), [(0, 30), (50, 60)]);
        assert_eq!((parts.total(), parts.furthest()), (40, 60));
    }

    #[test]
    fn hostile_reports_are_refused_by_name() {
        let report = |ranges: &[(i128, i128)]| Watched::reported(ranges, length(100_000)).unwrap_err();
        assert_eq!(report(&[(-1, 5)]), BadRange::Negative);
        assert_eq!(report(&[(6, 5)]), BadRange::Backwards);
        assert_eq!(report(&[(0, 101_001)]), BadRange::BeyondEnd);
        assert_eq!(report(&[(i128::MAX - 1, i128::MAX)]), BadRange::BeyondEnd);
        assert_eq!(report(&[(0, 1); MAX_REPORTED + 1]), BadRange::TooMany);
        assert_eq!(watched(&[(99_000, 101_000)]).ranges(), [(99_000, 100_000)], "players round");
    }

    #[test]
    fn enough_is_a_share_with_a_little_slack() {
        let ninety = Percent::MOST;
        assert!(watched(&[(0, 90_000)]).reaches(ninety, length(100_000)));
        assert!(watched(&[(0, 89_000)]).reaches(ninety, length(100_000)), "a second may be missing");
        assert!(!watched(&[(0, 88_999)]).reaches(ninety, length(100_000)));
        assert!(!Watched::default().reaches(Percent::try_from(1).unwrap(), length(50)));
        assert!(watched(&[(0, 99_500)]).reaches(Percent::ALL, length(100_000)));
    }

    #[test]
    fn thousands_of_gaps_are_bounded() {
        let mut all = Watched::default();
        for report in 0..20 {
            let parts: Vec<_> =
                (0..200_i128).map(|at| (report * 4_000 + at * 20, report * 4_000 + at * 20 + 10)).collect();
            all = all.union(watched(&parts));
        }
        assert_eq!(all.ranges().len(), MAX_KEPT);
        assert!(all.total() >= 40_000, "nothing that was watched is lost");
    }

    fn any_parts() -> impl Strategy<Value = Vec<(i128, i128)>> {
        prop::collection::vec((0..500_i128, 0..60_i128).prop_map(|(start, length)| (start, start + length)), 0..40)
    }

    fn millis(parts: &[(i128, i128)]) -> BTreeSet<i128> {
        parts.iter().flat_map(|(start, end)| *start..*end).collect()
    }

    proptest! {
        /// The model is the set of watched milliseconds.
        #[test]
        fn merging_is_set_union(one in any_parts(), other in any_parts()) {
            let union = watched(&one).union(watched(&other));
            let expected: BTreeSet<_> = millis(&one).union(&millis(&other)).copied().collect();
            let kept: Vec<_> = union.ranges().iter().map(|(start, end)| (i128::from(*start), i128::from(*end))).collect();
            prop_assert_eq!(union.total() as usize, expected.len());
            prop_assert_eq!(millis(&kept), expected);
            prop_assert!(kept.windows(2).all(|pair| pair[0].1 < pair[1].0), "gaps between parts");
        }

        #[test]
        fn order_and_repetition_do_not_matter(a in any_parts(), b in any_parts(), c in any_parts()) {
            let (a, b, c) = (watched(&a), watched(&b), watched(&c));
            let in_order = a.clone().union(b.clone()).union(c.clone());
            let repeated = in_order.clone().union(b.clone());
            prop_assert_eq!(&repeated, &in_order);
            prop_assert_eq!(c.union(a).union(b), in_order);
        }
    }
}
