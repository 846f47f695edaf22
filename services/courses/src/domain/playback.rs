//! How far a learner got in one video, joined from heartbeats that may come twice, late and in any order.

use time::{Duration, OffsetDateTime};
use values::Record;

use super::{Refusal, content::Video, course::MediaId, number::Unsigned, watched::Watched};

/// One heartbeat, checked against the video that it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heartbeat {
    pub watched: Watched,
    pub position_ms: u32,
    /// By the client's clock.
    pub client_at: OffsetDateTime,
    pub player: String,
    /// Counts the heartbeats of the player.
    pub sequence: i64,
}

/// A heartbeat as it was sent, in milliseconds, before anybody looked whether it fits its video.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    pub media: MediaId,
    pub player: String,
    pub sequence: i64,
    pub client_at: OffsetDateTime,
    pub position_ms: i128,
    pub ranges: Vec<(i128, i128)>,
    /// The length as the player sees it.
    pub length_ms: Option<i128>,
}

/// Players round positions and lengths, each in its own way.
const ROUNDING_MS: i128 = 2_000;

impl Heartbeat {
    /// Holds a report against the video that the lesson shows now.
    pub fn check(report: Report, video: &Video) -> Result<Self, Refusal> {
        let length = i128::from(video.length.millis());
        let another = report.length_ms.is_some_and(|seen| seen.abs_diff(length) > ROUNDING_MS.unsigned_abs());
        if report.media != video.media || another {
            return Err(Refusal::MediaChanged);
        }
        let bad = |field, message: String| Refusal::BadHeartbeat { field, message };
        if !(0..=length + ROUNDING_MS).contains(&report.position_ms) {
            return Err(bad("position", "expected a place within the length of the video".to_owned()));
        }
        let watched =
            Watched::reported(&report.ranges, video.length).map_err(|error| bad("ranges", error.to_string()))?;
        Ok(Self {
            watched,
            position_ms: u32::try_from(report.position_ms.min(length)).unwrap_or(0),
            client_at: report.client_at,
            player: report.player,
            sequence: report.sequence,
        })
    }
}

/// Where a player stood, and which heartbeat said so.
#[derive(Debug, Clone, PartialEq, Eq, Record)]
pub struct Position {
    #[record(name = "ms", with = Unsigned)]
    pub at_ms: u32,
    pub client_at: OffsetDateTime,
    pub player: String,
    pub sequence: i64,
}

/// What is known of one learner and one video.
#[derive(Debug, Clone, PartialEq, Eq, Record)]
pub struct Playback {
    /// The video that was watched; parts of another one do not count.
    #[record(name = "media_id")]
    pub media: MediaId,
    #[record(with = Watched)]
    pub watched: Watched,
    #[record(flatten, prefix = "position_")]
    pub position: Option<Position>,
}

/// A client's clock counts until it runs ahead of ours by more than this: one wrong clock must not freeze the position.
const CLOCK_SKEW: Duration = Duration::minutes(2);

impl Playback {
    pub fn new(media: MediaId) -> Self {
        Self { media, watched: Watched::default(), position: None }
    }

    /// Adds a heartbeat: what was watched only grows; the position is the latest by the client's clock, and by the
    /// player's counter where the clock stood still. A heartbeat that comes again changes nothing.
    #[must_use]
    pub fn join(self, heartbeat: Heartbeat, now: OffsetDateTime) -> Self {
        let reported = Position {
            at_ms: heartbeat.position_ms,
            client_at: heartbeat.client_at.min(now + CLOCK_SKEW),
            player: heartbeat.player,
            sequence: heartbeat.sequence,
        };
        let position = match self.position {
            Some(known) if known.rank() >= reported.rank() => known,
            _ => reported,
        };
        Self { watched: self.watched.union(heartbeat.watched), position: Some(position), ..self }
    }

    /// Whether this very heartbeat was the last one joined: a lost answer is asked for a second time, and needs no write.
    pub fn knows(&self, heartbeat: &Heartbeat) -> bool {
        self.position
            .as_ref()
            .is_some_and(|known| known.player == heartbeat.player && known.sequence == heartbeat.sequence)
    }

    /// What is known of this video: nothing, where the lesson showed another one before.
    #[must_use]
    pub fn about(self, video: &Video) -> Self {
        if self.media == video.media { self } else { Self::new(video.media.clone()) }
    }
}

impl Position {
    fn rank(&self) -> (OffsetDateTime, i64, &str) {
        (self.client_at, self.sequence, &self.player)
    }
}

#[cfg(test)]
mod tests {
    use super::super::content::{Percent, VideoLength};
    use super::*;
    use proptest::prelude::*;
    use time::macros::datetime;

    const NOW: OffsetDateTime = datetime!(2026-03-02 09:00 UTC);

    #[test]
    fn a_report_has_to_fit_the_video() {
        let video = Video {
            media: MediaId::parse("media-1").unwrap(),
            length: VideoLength::from_millis(100_000).unwrap(),
            completion: Percent::MOST,
        };
        let report = || Report {
            media: video.media.clone(),
            player: "tab".into(),
            sequence: 1,
            client_at: NOW,
            position_ms: 101_000,
            ranges: vec![(0, 1_000)],
            length_ms: Some(99_500),
        };
        assert_eq!(Heartbeat::check(report(), &video).unwrap().position_ms, 100_000, "players round");
        let other = MediaId::parse("media-2").unwrap();
        assert_eq!(Heartbeat::check(Report { media: other, ..report() }, &video), Err(Refusal::MediaChanged));
        let shorter = Report { length_ms: Some(90_000), ..report() };
        assert_eq!(Heartbeat::check(shorter, &video), Err(Refusal::MediaChanged));
        for position_ms in [-1, 102_001, i128::MAX] {
            let refused = Heartbeat::check(Report { position_ms, ..report() }, &video);
            assert!(matches!(refused, Err(Refusal::BadHeartbeat { field: "position", .. })), "{position_ms}");
        }
    }

    fn heartbeat(second: i64, sequence: i64, parts: &[(i128, i128)], position_ms: u32) -> Heartbeat {
        let length = VideoLength::from_millis(100_000).unwrap();
        Heartbeat {
            watched: Watched::reported(parts, length).unwrap(),
            position_ms,
            client_at: NOW + Duration::seconds(second),
            player: "tab".into(),
            sequence,
        }
    }

    fn playback() -> Playback {
        Playback::new(MediaId::parse("media-1").unwrap())
    }

    fn at(playback: &Playback) -> u32 {
        playback.position.as_ref().unwrap().at_ms
    }

    #[test]
    fn a_late_heartbeat_adds_what_was_watched_but_does_not_move_the_player_back() {
        let later = playback().join(heartbeat(20, 2, &[(10_000, 20_000)], 20_000), NOW);
        let joined = later.join(heartbeat(10, 1, &[(0, 10_000)], 10_000), NOW);
        assert_eq!(at(&joined), 20_000);
        assert_eq!(joined.watched.ranges(), [(0, 20_000)]);
    }

    #[test]
    fn rewinding_moves_the_position_but_not_the_furthest_point() {
        let joined = playback()
            .join(heartbeat(10, 1, &[(0, 50_000)], 50_000), NOW)
            .join(heartbeat(20, 2, &[(5_000, 6_000)], 6_000), NOW);
        assert_eq!((at(&joined), joined.watched.furthest()), (6_000, 50_000));
    }

    #[test]
    fn a_clock_that_runs_ahead_does_not_freeze_the_position() {
        let wrong = playback().join(heartbeat(86_400, 1, &[], 1_000), NOW);
        let joined = wrong.join(heartbeat(300, 2, &[], 2_000), NOW + Duration::minutes(5));
        assert_eq!(at(&joined), 2_000);
    }

    proptest! {
        #[test]
        fn order_and_repetition_do_not_matter(
            beats in prop::collection::vec((0..50_i64, 0..900_i128, 0..100_i128, 0..90_000_u32), 1..12),
            shuffle in prop::collection::vec(any::<prop::sample::Index>(), 12),
        ) {
            let beats: Vec<_> = beats.iter().enumerate().map(|(n, (second, start, length, position))| {
                heartbeat(*second, n as i64 + 1, &[(*start, start + length)], *position)
            }).collect();
            let in_order = beats.iter().cloned().fold(playback(), |known, beat| known.join(beat, NOW));
            let mut mixed = beats.clone();
            for (at, to) in shuffle.iter().take(mixed.len()).enumerate() {
                let to = to.index(mixed.len());
                mixed.swap(at, to);
            }
            mixed.extend(beats);
            let out_of_order = mixed.into_iter().fold(playback(), |known, beat| known.join(beat, NOW));
            prop_assert_eq!(in_order, out_of_order);
        }
    }
}
