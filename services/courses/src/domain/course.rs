//! A catalogue item: its page and its life. Its content lives in `outline` and `content`.

use time::OffsetDateTime;
use values::{Column, Language, Named, Patch, Record, Text};

use super::{Refusal, id::CourseId};

pub type Title = Text<1, 200>;
pub type Summary = Text<0, 500>;
pub type Description = Text<0, 20_000>;
/// Names a picture, video or file wherever it is kept; nothing here looks inside.
pub type MediaId = Text<1, 200>;

/// Where a course is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Named)]
pub enum CourseState {
    Draft,
    Published,
    Archived,
}

impl CourseState {
    /// An archived course is not changed; everything else may be.
    pub fn editable(self) -> Result<(), Refusal> {
        if self == Self::Archived { Err(Refusal::CourseArchived) } else { Ok(()) }
    }

    pub fn publish(self) -> Result<Self, Refusal> {
        self.editable().map(|()| Self::Published)
    }

    pub fn unpublish(self) -> Result<Self, Refusal> {
        self.editable().map(|()| Self::Draft)
    }

    pub const fn archive(self) -> Self {
        Self::Archived
    }

    /// Only an archived course changes by being restored.
    pub const fn restore(self) -> Self {
        match self {
            Self::Archived => Self::Draft,
            other => other,
        }
    }
}

/// What a learner should know already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Named)]
pub enum Level {
    Beginner,
    Intermediate,
    Advanced,
}

/// One topic.
pub type Tag = Text<1, 40>;

/// Topics: lower case, each once, in the author's order.
#[derive(Debug, Clone, PartialEq, Eq, Default, Column)]
pub struct Tags(Vec<String>);

impl Tags {
    pub fn of(tags: Vec<Tag>) -> Self {
        let mut kept: Vec<String> = Vec::with_capacity(tags.len());
        for tag in tags {
            let tag = tag.as_str().to_lowercase();
            if !kept.contains(&tag) {
                kept.push(tag);
            }
        }
        Self(kept)
    }

    pub fn as_slice(&self) -> &[String] {
        &self.0
    }
}

/// What the catalogue shows of a course, as its author writes it.
#[derive(Debug, Clone, PartialEq, Eq, Patch, Record)]
pub struct CoursePage {
    pub language: Language,
    pub level: Option<Level>,
    pub title: Title,
    pub summary: Summary,
    pub description: Description,
    pub tags: Tags,
    #[record(name = "cover_media_id")]
    pub cover: Option<MediaId>,
}

/// A catalogue item.
#[derive(Debug, Clone, PartialEq, Eq, Record)]
pub struct Course {
    #[record(name = "course_id")]
    pub id: CourseId,
    pub state: CourseState,
    #[record(flatten)]
    pub page: CoursePage,
    /// 0 before the first version.
    pub latest_version: i32,
    /// Grows with each change of the page or the state.
    pub revision: i64,
    pub created_at: OffsetDateTime,
    pub updated_at: OffsetDateTime,
    /// When it was listed first.
    pub published_at: Option<OffsetDateTime>,
}

impl Course {
    /// Replaces the page.
    pub fn rewrite(self, page: CoursePage, now: OffsetDateTime) -> Result<Self, Refusal> {
        self.state.editable()?;
        Ok(Self { page, revision: self.revision + 1, updated_at: now, ..self })
    }

    /// Comes to another state; nothing changes if it is there already.
    pub fn moved_to(self, state: CourseState, now: OffsetDateTime) -> Self {
        if state == self.state {
            return self;
        }
        let published_at = match state {
            CourseState::Published => self.published_at.or(Some(now)),
            CourseState::Draft | CourseState::Archived => self.published_at,
        };
        Self { state, published_at, revision: self.revision + 1, updated_at: now, ..self }
    }
}

/// Refuses to change what was not read: an etag is the revision that somebody saw.
pub fn check_etag(etag: Option<i64>, revision: i64) -> Result<(), Refusal> {
    match etag {
        Some(seen) if seen != revision => Err(Refusal::EtagMismatch { etag: revision }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archived_course_is_neither_edited_nor_published() {
        assert_eq!(CourseState::Archived.publish(), Err(Refusal::CourseArchived));
        assert_eq!(CourseState::Archived.unpublish(), Err(Refusal::CourseArchived));
        assert_eq!(CourseState::Archived.restore(), CourseState::Draft);
        assert_eq!(CourseState::Published.restore(), CourseState::Published);
    }

    #[test]
    fn topics_are_lower_case_and_each_once() {
        let tag = |text: &str| Tag::parse(text).unwrap();
        let tags = Tags::of(vec![tag("Мода"), tag("мода "), tag("Fashion")]);
        assert_eq!(tags.as_slice(), ["мода", "fashion"]);
    }

    #[test]
    fn an_old_etag_is_refused_and_none_overwrites() {
        assert_eq!(check_etag(Some(3), 4), Err(Refusal::EtagMismatch { etag: 4 }));
        assert_eq!(check_etag(Some(4), 4), Ok(()));
        assert_eq!(check_etag(None, 4), Ok(()));
    }
}
