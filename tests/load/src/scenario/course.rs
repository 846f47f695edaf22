//! A course of a hundred lessons with its run, and learners in it.

use anyhow::Result;
use people::{Offer, Person, School, new_key};
use proto::lyceum::courses::v1::draft_lesson::Content;
use proto::lyceum::courses::v1::run::Sequence;
use proto::lyceum::courses::v1::{DraftLesson, DraftSection, LessonKind, TextContent, VideoContent};

/// How many lessons it has.
pub const LESSONS: usize = 100;

/// Milliseconds of each of its videos.
pub const VIDEO_MS: u64 = 3_600_000;

/// A published course that is learnt lesson by lesson.
#[derive(Debug, Clone)]
pub struct Course {
    /// Its run.
    pub run_id: String,
    /// Its videos: the lesson and its media id.
    pub videos: Vec<(String, String)>,
}

impl Course {
    /// Writes and publishes it: ten sections of ten lessons, half of them videos.
    pub async fn publish(school: &School, title: &str, sequence: Sequence) -> Result<Self> {
        let sections = (0..LESSONS / 10).map(section).collect();
        let course = school.staff("manager").await?.publish(Offer::of(title, sequence, sections)).await?;
        let videos = course.lessons.iter().filter(|lesson| lesson.kind() == LessonKind::Video);
        let videos = videos.map(|lesson| lesson.lesson_id().to_owned()).zip(course.media).collect();
        Ok(Self { run_id: course.run_id, videos })
    }

    /// Enrols somebody by the manager's word; gives the enrolment's id.
    pub async fn enrol(&self, school: &School, learner: &Person) -> Result<String> {
        Ok(school.staff("manager").await?.enrol(learner, &self.run_id).await?.enrolment_id)
    }
}

fn section(number: usize) -> DraftSection {
    let lessons = (0..10).map(|place| lesson(number * 10 + place)).collect();
    DraftSection { title: format!("Раздел {}", number + 1), lessons, ..Default::default() }
}

fn lesson(number: usize) -> DraftLesson {
    let content = if number.is_multiple_of(2) {
        Content::Text(TextContent { markdown: "Долевая нить идёт вдоль кромки.".to_owned() })
    } else {
        let duration = Some(time::Duration::milliseconds(VIDEO_MS.cast_signed()).into());
        Content::Video(VideoContent { media_id: new_key(), duration, completion_percent: 90 })
    };
    let title = format!("Урок {}: как читать чертёж выкройки", number + 1);
    DraftLesson { title, content: Some(content), ..Default::default() }
}
