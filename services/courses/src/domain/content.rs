//! What a lesson consists of. Questions of a quiz live in `quiz`.

use values::Text;

use super::{course::MediaId, outline::LessonKind, quiz::Quiz};

pub type Markdown = Text<1, 100_000>;
pub type FileName = Text<1, 255>;

/// A whole number from 1 to 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Percent(u8);

/// A number that is no share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected 1 to 100")]
pub struct BadPercent;

values::mistake!(BadPercent => OutOfRange, min = 1, max = 100);

impl Percent {
    /// How much of a video has to be watched where the author does not say.
    pub const MOST: Self = Self(90);
    /// How many points pass a quiz where the author does not say.
    pub const ALL: Self = Self(100);

    pub const fn get(self) -> u8 {
        self.0
    }

    /// Whether `part` of `whole` reaches this share, reckoned without rounding.
    pub fn reached(self, part: u64, whole: u64) -> bool {
        u128::from(part) * 100 >= u128::from(whole) * u128::from(self.0)
    }
}

impl TryFrom<u32> for Percent {
    type Error = BadPercent;

    fn try_from(number: u32) -> Result<Self, BadPercent> {
        match u8::try_from(number) {
            Ok(number @ 1..=100) => Ok(Self(number)),
            _ => Err(BadPercent),
        }
    }
}

/// The length of a video in milliseconds: more than none, at most a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct VideoLength(u32);

/// A length that no video has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected more than nothing and at most 24 hours")]
pub struct BadLength;

values::mistake!(BadLength => OutOfRange, min = "0.001s", max = "86400s");

impl VideoLength {
    const DAY: u32 = 86_400_000;

    pub fn from_millis(millis: i128) -> Result<Self, BadLength> {
        match u32::try_from(millis) {
            Ok(length @ 1..=Self::DAY) => Ok(Self(length)),
            _ => Err(BadLength),
        }
    }

    pub const fn millis(self) -> u32 {
        self.0
    }
}

/// A video and how much of it has to be watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Video {
    pub media: MediaId,
    pub length: VideoLength,
    pub completion: Percent,
}

/// A file to download.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileBody {
    pub media: MediaId,
    pub name: FileName,
    pub size_bytes: u64,
}

/// The body of a lesson.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    Text(Markdown),
    Video(Video),
    File(FileBody),
    Quiz(Quiz),
}

impl Content {
    /// What the outline has to know of it.
    pub fn kind(&self) -> LessonKind {
        match self {
            Self::Text(_) => LessonKind::Text,
            Self::Video(video) => LessonKind::Video(video.clone()),
            Self::File(_) => LessonKind::File,
            Self::Quiz(_) => LessonKind::Quiz,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_reckoned_without_rounding() {
        let percent = Percent::try_from(90).unwrap();
        assert!(percent.reached(9, 10));
        assert!(!percent.reached(899, 1_000));
        assert!(Percent::ALL.reached(u64::MAX, u64::MAX));
        assert_eq!(Percent::try_from(90), Ok(Percent::MOST));
        assert_eq!(Percent::try_from(101), Err(BadPercent));
        assert_eq!(Percent::try_from(0), Err(BadPercent), "what no author said is the caller's default");
    }

    #[test]
    fn a_video_has_a_length_of_at_most_a_day() {
        assert_eq!(VideoLength::from_millis(0), Err(BadLength));
        assert_eq!(VideoLength::from_millis(-5), Err(BadLength));
        assert_eq!(VideoLength::from_millis(86_400_001), Err(BadLength));
        assert_eq!(VideoLength::from_millis(86_400_000).map(VideoLength::millis), Ok(86_400_000));
    }
}
