//! A learner's seat in a run: everything that the rules of learning have to know, read at one instant.

use std::{collections::BTreeSet, sync::Arc};

use time::OffsetDateTime;

use super::{
    Refusal,
    access::{self, Facts, Lock},
    enrolment::Enrolment,
    id::LessonId,
    outline::{LessonCard, Outline},
    progress::{self, CourseProgress, Key, Progress},
    resume,
    run::Run,
};

/// What is known of one learner in one run.
#[derive(Debug, Clone)]
pub struct Seat {
    pub run: Run,
    pub course_title: String,
    pub cover_media_id: Option<String>,
    /// The newest one, which may have ended.
    pub enrolment: Option<Enrolment>,
    /// Of that enrolment.
    pub progress: Progress,
    /// Of the version that the run shows.
    pub outline: Arc<Outline>,
    /// When all of this was read.
    pub now: OffsetDateTime,
}

impl Seat {
    fn completed(&self) -> BTreeSet<LessonId> {
        progress::completed(&self.progress)
    }

    fn facts<'a>(&'a self, completed: &'a BTreeSet<LessonId>) -> Facts<'a> {
        Facts { now: self.now, run: &self.run, enrolment: self.enrolment.as_ref(), completed }
    }

    /// Every lesson in order with the reasons why it is locked.
    pub fn locks(&self) -> Vec<(&LessonCard, Vec<Lock>)> {
        access::locks(&self.outline, &self.facts(&self.completed()))
    }

    /// The reasons why one lesson is locked.
    pub fn locks_of(&self, lesson: LessonId) -> Vec<Lock> {
        self.locks().into_iter().filter(|(card, _)| card.id == lesson).flat_map(|(_, locks)| locks).collect()
    }

    pub fn course_progress(&self) -> CourseProgress {
        CourseProgress::of(&self.outline, &self.completed(), self.enrolment.as_ref())
    }

    /// The lesson to go on with.
    pub fn resume(&self) -> Option<LessonId> {
        resume::next(&self.locks(), &self.progress)
    }

    /// The lesson and the key of its progress, if the learner may learn in it now.
    pub fn learn(&self, lesson: LessonId) -> Result<(&LessonCard, Key), Refusal> {
        access::may_learn(&self.outline, &self.facts(&self.completed()), lesson)?;
        let (_, card) = self.outline.lesson(lesson)?;
        let key = self.key(lesson).ok_or(Refusal::LessonLocked(vec![Lock::NotEnrolled]))?;
        Ok((card, key))
    }

    /// Refuses a lesson that is locked, as its content would be.
    pub fn may_read(&self, lesson: LessonId) -> Result<(), Refusal> {
        self.outline.lesson(lesson)?;
        let locks = self.locks_of(lesson);
        if locks.is_empty() { Ok(()) } else { Err(Refusal::LessonLocked(locks)) }
    }

    /// The key of a lesson's progress; none for who was never enrolled.
    pub fn key(&self, lesson: LessonId) -> Option<Key> {
        let of = |enrolment: &Enrolment| Key { learner: enrolment.learner, enrolment: enrolment.id, lesson };
        self.enrolment.as_ref().map(of)
    }
}
