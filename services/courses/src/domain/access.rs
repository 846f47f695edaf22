//! Why a lesson is locked: a chain of independent checks over the outline, the learner's facts and an instant.
//!
//! Each check adds the reason that it knows and none knows of the others, so that the same code opens lessons, answers
//! "why locked", and can be asked about any instant.

use std::{collections::BTreeSet, fmt};

use time::{Duration, OffsetDateTime};
use values::Named;

use super::{
    Refusal,
    enrolment::{Enrolment, State},
    id::LessonId,
    outline::{LessonCard, Outline},
    run::{Pacing, Run, Sequence},
};

/// One reason why a lesson is locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lock {
    NotEnrolled,
    EnrolmentPaused,
    EnrolmentEnded,
    AccessNotStarted { until: OffsetDateTime },
    AccessEnded,
    RunNotStarted { until: OffsetDateTime },
    RunEnded,
    NotReleased { until: OffsetDateTime },
    Prerequisite { lesson: LessonId },
}

/// The name of a reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Named)]
pub enum LockReason {
    NotEnrolled,
    EnrolmentPaused,
    EnrolmentEnded,
    AccessNotStarted,
    AccessEnded,
    RunNotStarted,
    RunEnded,
    NotReleased,
    Prerequisite,
}

impl Lock {
    pub const fn reason(&self) -> LockReason {
        match self {
            Self::NotEnrolled => LockReason::NotEnrolled,
            Self::EnrolmentPaused => LockReason::EnrolmentPaused,
            Self::EnrolmentEnded => LockReason::EnrolmentEnded,
            Self::AccessNotStarted { .. } => LockReason::AccessNotStarted,
            Self::AccessEnded => LockReason::AccessEnded,
            Self::RunNotStarted { .. } => LockReason::RunNotStarted,
            Self::RunEnded => LockReason::RunEnded,
            Self::NotReleased { .. } => LockReason::NotReleased,
            Self::Prerequisite { .. } => LockReason::Prerequisite,
        }
    }

    /// When it passes by itself.
    pub const fn until(&self) -> Option<OffsetDateTime> {
        match self {
            Self::AccessNotStarted { until } | Self::RunNotStarted { until } | Self::NotReleased { until } => {
                Some(*until)
            }
            _ => None,
        }
    }

    /// The lesson to complete first.
    pub const fn lesson(&self) -> Option<LessonId> {
        if let Self::Prerequisite { lesson } = self { Some(*lesson) } else { None }
    }
}

/// In words, for people who see no screen of ours.
impl fmt::Display for Lock {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotEnrolled => out.write_str("you are not enrolled"),
            Self::EnrolmentPaused => out.write_str("the enrolment is paused"),
            Self::EnrolmentEnded => out.write_str("the enrolment has ended"),
            Self::AccessNotStarted { until } => write!(out, "the access begins at {until}"),
            Self::AccessEnded => out.write_str("the access has ended"),
            Self::RunNotStarted { until } => write!(out, "the run begins at {until}"),
            Self::RunEnded => out.write_str("the run is over"),
            Self::NotReleased { until } => write!(out, "the lesson opens at {until}"),
            Self::Prerequisite { lesson } => write!(out, "the lesson {lesson} has to be completed first"),
        }
    }
}

/// What the checks know of the learner.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    pub now: OffsetDateTime,
    pub run: &'a Run,
    /// The newest one in the run.
    pub enrolment: Option<&'a Enrolment>,
    pub completed: &'a BTreeSet<LessonId>,
}

/// A lesson in its place.
#[derive(Debug, Clone, Copy)]
struct Place<'a> {
    lesson: &'a LessonCard,
    /// The first required lesson before it that is not completed, and the same for the sections before its own.
    undone_before: Option<LessonId>,
    undone_in_earlier_sections: Option<LessonId>,
}

type Check = fn(&Facts, &Place) -> Option<Lock>;

/// The order is that in which reasons are shown: the widest first.
const CHAIN: [Check; 4] = [enrolment, run_window, release, prerequisite];

/// What the enrolment alone says about an instant. The clock decides, not the job that marks it as expired a little later.
fn enrolment_lock(enrolment: Option<&Enrolment>, now: OffsetDateTime) -> Option<Lock> {
    let Some(enrolment) = enrolment else { return Some(Lock::NotEnrolled) };
    match enrolment.state {
        State::Paused { .. } => Some(Lock::EnrolmentPaused),
        State::Expired { .. } | State::Withdrawn { .. } | State::Revoked { .. } => Some(Lock::EnrolmentEnded),
        State::Active | State::Completed if now < enrolment.starts_at => {
            Some(Lock::AccessNotStarted { until: enrolment.starts_at })
        }
        State::Active | State::Completed => enrolment.overdue(now).then_some(Lock::AccessEnded),
    }
}

fn enrolment(facts: &Facts, _: &Place) -> Option<Lock> {
    enrolment_lock(facts.enrolment, facts.now)
}

fn run_window(facts: &Facts, _: &Place) -> Option<Lock> {
    let window = facts.run.plan.lessons;
    match (window.starts_at, window.ends_at) {
        (Some(start), _) if facts.now < start => Some(Lock::RunNotStarted { until: start }),
        (_, Some(end)) if end <= facts.now => Some(Lock::RunEnded),
        _ => None,
    }
}

fn release(facts: &Facts, place: &Place) -> Option<Lock> {
    let days = place.lesson.release_after.get();
    if days == 0 {
        return None;
    }
    let start = match facts.run.plan.pacing {
        Pacing::SelfPaced => facts.enrolment.map(|enrolment| enrolment.starts_at + enrolment.delay),
        Pacing::Scheduled => facts.run.plan.lessons.starts_at,
    };
    // Without a start nothing counts yet, and another check says why.
    let until = start?.saturating_add(Duration::days(i64::from(days)));
    (facts.now < until).then_some(Lock::NotReleased { until })
}

fn prerequisite(facts: &Facts, place: &Place) -> Option<Lock> {
    // Who completed a course keeps it open, whatever is put before its lessons later.
    if facts.enrolment.is_some_and(|enrolment| enrolment.completed_at.is_some()) {
        return None;
    }
    let lesson = match facts.run.plan.sequence {
        Sequence::Free => None,
        Sequence::LessonByLesson => place.undone_before,
        Sequence::SectionBySection => place.undone_in_earlier_sections,
    };
    // What was completed once stays open, even if lessons were put before it later.
    lesson.filter(|_| !facts.completed.contains(&place.lesson.id)).map(|lesson| Lock::Prerequisite { lesson })
}

/// Every lesson in order with every reason why it is locked; no reason means open.
pub fn locks<'a>(outline: &'a Outline, facts: &Facts) -> Vec<(&'a LessonCard, Vec<Lock>)> {
    let mut undone_before = None;
    let mut all = Vec::with_capacity(outline.lessons().count());
    for section in &outline.sections {
        let undone_in_earlier_sections = undone_before;
        for lesson in &section.lessons {
            let place = Place { lesson, undone_before, undone_in_earlier_sections };
            all.push((lesson, reasons(facts, &place)));
            if lesson.required && !facts.completed.contains(&lesson.id) {
                undone_before = undone_before.or(Some(lesson.id));
            }
        }
    }
    all
}

fn reasons(facts: &Facts, place: &Place) -> Vec<Lock> {
    // A free preview is open to everybody, so that nothing about a learner can close it.
    if place.lesson.free_preview {
        return Vec::new();
    }
    CHAIN.iter().filter_map(|check| check(facts, place)).collect()
}

/// Refuses to do anything in a locked lesson. Who is not enrolled may read a free preview, but does not learn in it.
pub fn may_learn(outline: &Outline, facts: &Facts, lesson: LessonId) -> Result<(), Refusal> {
    let (card, mut reasons) =
        locks(outline, facts).into_iter().find(|(card, _)| card.id == lesson).ok_or(Refusal::LessonNotFound)?;
    if card.free_preview {
        // Its progress belongs to an enrolment like any other's.
        reasons.extend(enrolment_lock(facts.enrolment, facts.now));
    }
    if reasons.is_empty() { Ok(()) } else { Err(Refusal::LessonLocked(reasons)) }
}

/// Refuses to go on with what was begun in an enrolment that is not open any more.
pub fn may_go_on(enrolment: &Enrolment, now: OffsetDateTime) -> Result<(), Refusal> {
    enrolment_lock(Some(enrolment), now).map_or(Ok(()), |lock| Err(Refusal::LessonLocked(vec![lock])))
}

#[cfg(test)]
mod tests {
    use super::super::enrolment::tests::{NOW, enrolment};
    use super::super::outline::tests::{lesson, section};
    use super::super::outline::{ReleaseDays, Section};
    use super::super::run::{RunPlan, RunState, Window};
    use super::super::{
        course::Title,
        id::{CourseId, RunId},
    };
    use super::*;
    use proptest::prelude::*;

    fn day(days: i64) -> OffsetDateTime {
        NOW + Duration::days(days)
    }

    fn run(sequence: Sequence, pacing: Pacing) -> Run {
        Run {
            id: RunId::new(NOW),
            course: CourseId::new(NOW),
            state: RunState::Published,
            plan: RunPlan {
                title: Title::parse("Spring").unwrap(),
                pacing,
                sequence,
                lessons: Window::default(),
                enrolment: Window::default(),
            },
            version: 1,
            revision: 1,
            created_at: NOW,
            updated_at: NOW,
        }
    }

    fn outline() -> Outline {
        let drip = LessonCard { release_after: ReleaseDays::try_from(7).unwrap(), ..lesson("drip") };
        let free = LessonCard { free_preview: true, ..lesson("free") };
        let optional = LessonCard { required: false, ..lesson("optional") };
        Outline::new(vec![section("one", vec![free, lesson("a"), optional]), section("two", vec![lesson("b"), drip])])
            .unwrap()
    }

    fn shown(outline: &Outline, facts: &Facts) -> Vec<(String, Vec<Lock>)> {
        locks(outline, facts).into_iter().map(|(card, locks)| (card.title.as_str().to_owned(), locks)).collect()
    }

    fn id(outline: &Outline, title: &str) -> LessonId {
        outline.lessons().find(|lesson| lesson.title.as_str() == title).unwrap().id
    }

    fn of(shown: &[(String, Vec<Lock>)], title: &str) -> Vec<Lock> {
        shown.iter().find(|(there, _)| there == title).unwrap().1.clone()
    }

    #[test]
    fn who_is_not_enrolled_sees_free_previews_only() {
        let (outline, run, completed) = (outline(), run(Sequence::Free, Pacing::SelfPaced), BTreeSet::new());
        let facts = Facts { now: NOW, run: &run, enrolment: None, completed: &completed };
        let shown = shown(&outline, &facts);
        assert_eq!(of(&shown, "free"), []);
        assert_eq!(of(&shown, "a"), [Lock::NotEnrolled]);
        let preview = id(&outline, "free");
        assert_eq!(may_learn(&outline, &facts, preview), Err(Refusal::LessonLocked(vec![Lock::NotEnrolled])));
    }

    #[test]
    fn a_lesson_opens_days_after_the_enrolment_or_the_run() {
        let (outline, completed) = (outline(), BTreeSet::new());
        let started = Enrolment { delay: Duration::days(2), ..enrolment() };
        let self_paced = run(Sequence::Free, Pacing::SelfPaced);
        let mut facts = Facts { now: NOW, run: &self_paced, enrolment: Some(&started), completed: &completed };
        assert_eq!(of(&shown(&outline, &facts), "drip"), [Lock::NotReleased { until: day(9) }], "a pause delays");
        facts.now = day(9);
        assert_eq!(of(&shown(&outline, &facts), "drip"), []);

        let mut scheduled = run(Sequence::Free, Pacing::Scheduled);
        scheduled.plan.lessons = Window::new(Some(day(1)), Some(day(20))).unwrap();
        facts = Facts { now: NOW, run: &scheduled, ..facts };
        assert_eq!(
            of(&shown(&outline, &facts), "drip"),
            [Lock::RunNotStarted { until: day(1) }, Lock::NotReleased { until: day(8) }],
            "every reason is given"
        );
        facts.now = day(20);
        assert_eq!(of(&shown(&outline, &facts), "drip"), [Lock::RunEnded]);
    }

    #[test]
    fn a_sequence_names_the_lesson_to_complete_first() {
        let outline = outline();
        let started = enrolment();
        let by_lesson = run(Sequence::LessonByLesson, Pacing::SelfPaced);
        let mut completed = BTreeSet::from([id(&outline, "free")]);
        let facts = Facts { now: day(8), run: &by_lesson, enrolment: Some(&started), completed: &completed };
        let seen = shown(&outline, &facts);
        let a = Lock::Prerequisite { lesson: id(&outline, "a") };
        assert_eq!((of(&seen, "a"), of(&seen, "optional"), of(&seen, "b")), (vec![], vec![a], vec![a]));

        completed.insert(id(&outline, "a"));
        let facts = Facts { now: day(8), run: &by_lesson, enrolment: Some(&started), completed: &completed };
        let seen = shown(&outline, &facts);
        assert_eq!(of(&seen, "b"), [], "an optional lesson holds nobody up");
        assert_eq!(of(&seen, "drip"), [Lock::Prerequisite { lesson: id(&outline, "b") }]);
    }

    #[test]
    fn a_section_opens_when_those_before_it_are_done() {
        let outline = outline();
        let started = enrolment();
        let by_section = run(Sequence::SectionBySection, Pacing::SelfPaced);
        let completed = BTreeSet::from([id(&outline, "a")]);
        let facts = Facts { now: day(8), run: &by_section, enrolment: Some(&started), completed: &completed };
        let seen = shown(&outline, &facts);
        assert_eq!(of(&seen, "optional"), [], "within a section the order is free");
        assert_eq!(of(&seen, "b"), [Lock::Prerequisite { lesson: id(&outline, "free") }]);
    }

    #[test]
    fn the_state_and_the_time_of_the_enrolment_lock_everything() {
        let (outline, run, completed) = (outline(), run(Sequence::Free, Pacing::SelfPaced), BTreeSet::new());
        let locks_of = |enrolment: &Enrolment, now| {
            of(&shown(&outline, &Facts { now, run: &run, enrolment: Some(enrolment), completed: &completed }), "a")
        };
        assert_eq!(locks_of(&enrolment(), NOW), []);
        assert_eq!(locks_of(&enrolment(), day(-1)), [Lock::AccessNotStarted { until: NOW }]);
        assert_eq!(locks_of(&enrolment(), day(30)), [Lock::AccessEnded], "before the job marks it as expired");
        assert_eq!(locks_of(&enrolment().pause(NOW).unwrap(), NOW), [Lock::EnrolmentPaused]);
        assert_eq!(locks_of(&enrolment().withdraw(NOW).unwrap(), NOW), [Lock::EnrolmentEnded]);
        let completed_course = enrolment().complete(NOW).unwrap();
        assert_eq!(locks_of(&completed_course, NOW), [], "what was completed stays open");
    }

    proptest! {
        /// Completing lessons opens others and closes none.
        #[test]
        fn progress_never_locks(shape in prop::collection::vec(prop::collection::vec((any::<bool>(), any::<bool>()), 0..4), 1..4),
                                done in prop::collection::btree_set(0..12_usize, 0..12), more in 0..12_usize, by_section: bool) {
            let sections: Vec<Section> = shape.iter().map(|lessons| section("s", lessons.iter().map(|(required, free_preview)| {
                LessonCard { required: *required, free_preview: *free_preview, ..lesson("l") }
            }).collect())).collect();
            let outline = Outline::new(sections).unwrap();
            let ids: Vec<_> = outline.lessons().map(|lesson| lesson.id).collect();
            let sequence = if by_section { Sequence::SectionBySection } else { Sequence::LessonByLesson };
            let (run, started) = (run(sequence, Pacing::SelfPaced), enrolment());
            let before: BTreeSet<_> = done.iter().filter_map(|at| ids.get(*at).copied()).collect();
            let after: BTreeSet<_> = before.iter().copied().chain(ids.get(more).copied()).collect();
            let facts = |completed| Facts { now: NOW, run: &run, enrolment: Some(&started), completed };
            for ((lesson, was), (_, is)) in locks(&outline, &facts(&before)).into_iter().zip(locks(&outline, &facts(&after))) {
                prop_assert!(!was.is_empty() || is.is_empty(), "{:?} was open and is locked", lesson.id);
                // The answer about one lesson is the same as in the whole outline.
                prop_assert_eq!(may_learn(&outline, &facts(&after), lesson.id).is_ok(), is.is_empty());
            }
        }
    }
}
