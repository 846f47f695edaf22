//! Finds a learner's seat in a run and lays out what the law has to know: the read that every step of learning begins with.

use std::{collections::BTreeSet, sync::Arc};

use time::OffsetDateTime;

use crate::{
    app::App,
    domain::{
        Refusal,
        access::{self, Facts, Lock},
        enrolment::Enrolment,
        id::{LearnerId, LessonId, RunId},
        outline::{LessonCard, Outline},
        progress::{self, CourseProgress},
        resume,
    },
    error::Result,
    store::{progress::Key, seats, seats::Seat},
};

/// A learner's seat, with the outline of the version that the run shows.
#[derive(Debug)]
pub struct Seated {
    pub seat: Seat,
    pub outline: Arc<Outline>,
    pub now: OffsetDateTime,
    completed: BTreeSet<LessonId>,
}

pub async fn run(app: &App, learner: LearnerId, run: RunId) -> Result<Seated> {
    let seat = seats::find(&app.db, learner, run).await?.ok_or(Refusal::RunNotFound)?;
    seat.run.visible()?;
    seated(app, seat).await
}

/// Lays out a seat that was read already.
pub async fn seated(app: &App, seat: Seat) -> Result<Seated> {
    let outline = app.outlines.get(&app.db, seat.run.course, seat.run.version).await?;
    let completed = progress::completed(&seat.progress);
    Ok(Seated { seat, outline, now: app.clock.now(), completed })
}

impl Seated {
    fn facts(&self) -> Facts<'_> {
        Facts {
            now: self.now,
            run: &self.seat.run,
            enrolment: self.seat.enrolment.as_ref(),
            completed: &self.completed,
        }
    }

    /// Every lesson in order with the reasons why it is locked.
    pub fn locks(&self) -> Vec<(&LessonCard, Vec<Lock>)> {
        access::locks(&self.outline, &self.facts())
    }

    pub fn course_progress(&self) -> CourseProgress {
        CourseProgress::of(&self.outline, &self.completed, self.seat.enrolment.as_ref())
    }

    /// The lesson to go on with.
    pub fn resume(&self) -> Option<LessonId> {
        resume::next(&self.locks(), &self.seat.progress)
    }

    /// The lesson and the row of its progress, if the learner may learn in it now.
    pub fn learn(&self, lesson: LessonId) -> Result<(&LessonCard, Key), Refusal> {
        access::may_learn(&self.outline, &self.facts(), lesson)?;
        let (_, card) = self.outline.lesson(lesson)?;
        let key = self.key(lesson).ok_or(Refusal::LessonLocked(vec![Lock::NotEnrolled]))?;
        Ok((card, key))
    }

    /// Refuses a lesson that is locked, as its content would be.
    pub fn may_read(&self, lesson: LessonId) -> Result<(), Refusal> {
        self.outline.lesson(lesson)?;
        let locks: Vec<Lock> =
            self.locks().into_iter().filter(|(card, _)| card.id == lesson).flat_map(|(_, locks)| locks).collect();
        if locks.is_empty() { Ok(()) } else { Err(Refusal::LessonLocked(locks)) }
    }

    /// The row of a lesson's progress; none for who was never enrolled.
    pub fn key(&self, lesson: LessonId) -> Option<Key> {
        let of = |enrolment: &Enrolment| Key { learner: enrolment.learner, enrolment: enrolment.id, lesson };
        self.seat.enrolment.as_ref().map(of)
    }
}
