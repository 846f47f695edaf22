//! How far a learner got: in each lesson, and in the course as the weighted part of its required lessons.

use std::collections::{BTreeMap, BTreeSet};

use time::OffsetDateTime;

use super::{
    enrolment::Enrolment,
    id::{EnrolmentId, LearnerId, LessonId},
    outline::Outline,
};

/// Names one learner's progress in one lesson.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    pub learner: LearnerId,
    pub enrolment: EnrolmentId,
    pub lesson: LessonId,
}

/// What is known of a lesson that was begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LessonProgress {
    /// 0 to 100.
    pub percent: u8,
    pub touched_at: OffsetDateTime,
    pub completed_at: Option<OffsetDateTime>,
}

/// The lessons that were begun.
pub type Progress = BTreeMap<LessonId, LessonProgress>;

/// The lessons that are completed.
pub fn completed(progress: &Progress) -> BTreeSet<LessonId> {
    progress.iter().filter(|(_, lesson)| lesson.completed_at.is_some()).map(|(id, _)| *id).collect()
}

/// How far a learner got in a course.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CourseProgress {
    /// Rounded down, so that 100 means all.
    pub percent: u8,
    pub completed_lessons: u32,
    pub required_lessons: u32,
    pub completed_at: Option<OffsetDateTime>,
}

impl CourseProgress {
    /// Reckons it. A completed course stays at 100, whatever lessons were published since.
    pub fn of(outline: &Outline, completed: &BTreeSet<LessonId>, enrolment: Option<&Enrolment>) -> Self {
        let (mut done, mut all, mut completed_lessons, mut required_lessons) = (0_u32, 0_u32, 0, 0);
        for lesson in outline.lessons().filter(|lesson| lesson.required) {
            let weight = u32::from(lesson.weight.get());
            all += weight;
            required_lessons += 1;
            if completed.contains(&lesson.id) {
                done += weight;
                completed_lessons += 1;
            }
        }
        let completed_at = enrolment.and_then(|enrolment| enrolment.completed_at);
        let reckoned = (done * 100).checked_div(all).and_then(|percent| u8::try_from(percent).ok()).unwrap_or(0);
        let percent = if completed_at.is_some() { 100 } else { reckoned };
        Self { percent, completed_lessons, required_lessons, completed_at }
    }

    /// Whether every required lesson is completed.
    pub const fn all_done(&self) -> bool {
        self.required_lessons > 0 && self.completed_lessons == self.required_lessons
    }
}

#[cfg(test)]
mod tests {
    use super::super::enrolment::tests::{NOW, enrolment};
    use super::super::outline::tests::{lesson, section};
    use super::super::outline::{LessonCard, Weight};
    use super::*;
    use proptest::prelude::*;

    fn outline(lessons: &[(bool, u32)]) -> Outline {
        let cards = lessons.iter().map(|(required, weight)| LessonCard {
            required: *required,
            weight: Weight::try_from(*weight).unwrap(),
            ..lesson("l")
        });
        Outline::new(vec![section("one", cards.collect())]).unwrap()
    }

    #[test]
    fn lessons_count_by_weight_and_optional_ones_not_at_all() {
        let outline = outline(&[(true, 1), (true, 2), (false, 50)]);
        let ids: Vec<_> = outline.lessons().map(|lesson| lesson.id).collect();
        let progress = |done: &[LessonId]| CourseProgress::of(&outline, &done.iter().copied().collect(), None);
        assert_eq!(progress(&[ids[0], ids[2]]).percent, 33, "rounded down");
        assert!(!progress(&[ids[0], ids[2]]).all_done());
        assert_eq!(progress(&ids[..2]).percent, 100);
        assert!(progress(&ids[..2]).all_done());
    }

    #[test]
    fn a_completed_course_stays_completed_when_lessons_are_added() {
        let completed = enrolment().complete(NOW).unwrap();
        let grown = outline(&[(true, 1), (true, 1)]);
        assert_eq!(CourseProgress::of(&grown, &BTreeSet::new(), Some(&completed)).percent, 100);
    }

    proptest! {
        #[test]
        fn a_hundred_per_cent_means_all(lessons in prop::collection::vec((any::<bool>(), 1..100_u32, any::<bool>()), 0..30)) {
            let shape: Vec<_> = lessons.iter().map(|(required, weight, _)| (*required, *weight)).collect();
            let outline = outline(&shape);
            let done = outline.lessons().zip(&lessons).filter(|(_, (.., done))| *done).map(|(card, _)| card.id).collect();
            let progress = CourseProgress::of(&outline, &done, None);
            prop_assert_eq!(progress.percent == 100, progress.all_done());
        }
    }
}
