//! A run: one giving of a course, with its dates, its pace, and the version that its learners see.

use time::OffsetDateTime;
use values::{Named, Patch, Record};

use super::{
    Refusal,
    course::Title,
    id::{CourseId, RunId},
};

/// Where a run is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Named)]
pub enum RunState {
    Draft,
    Published,
    Closed,
}

/// Who decides when a learner does what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Named)]
pub enum Pacing {
    #[default]
    SelfPaced,
    Scheduled,
}

/// In which order lessons open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Named)]
pub enum Sequence {
    #[default]
    Free,
    LessonByLesson,
    SectionBySection,
}

/// From one instant until another; either side may be open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Patch, Record)]
#[record(constructor = new)]
pub struct Window {
    pub starts_at: Option<OffsetDateTime>,
    pub ends_at: Option<OffsetDateTime>,
}

/// A window that ends before it starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected an end later than the start")]
pub struct BadWindow;

impl Window {
    pub fn new(starts_at: Option<OffsetDateTime>, ends_at: Option<OffsetDateTime>) -> Result<Self, BadWindow> {
        match (starts_at, ends_at) {
            (Some(start), Some(end)) if end <= start => Err(BadWindow),
            _ => Ok(Self { starts_at, ends_at }),
        }
    }

    pub fn contains(&self, now: OffsetDateTime) -> bool {
        self.starts_at.is_none_or(|start| start <= now) && self.ends_at.is_none_or(|end| now < end)
    }
}

/// What an editor decides about a run.
#[derive(Debug, Clone, PartialEq, Eq, Patch, Record)]
pub struct RunPlan {
    pub title: Title,
    pub pacing: Pacing,
    pub sequence: Sequence,
    /// When lessons are open.
    #[patch(nested)]
    #[record(flatten)]
    pub lessons: Window,
    /// When people may join.
    #[patch(nested)]
    #[record(flatten, prefix = "enrolment_")]
    pub enrolment: Window,
}

impl RunPlan {
    /// The plan, if its dates fit each other and its pace.
    pub fn checked(self) -> Result<Self, Refusal> {
        for (field, window) in [("ends_at", self.lessons), ("enrolment_ends_at", self.enrolment)] {
            Window::new(window.starts_at, window.ends_at)
                .map_err(|BadWindow| Refusal::BadDate { field, message: "expected an end later than the start" })?;
        }
        if self.pacing == Pacing::Scheduled && self.lessons.starts_at.is_none() {
            return Err(Refusal::BadDate { field: "starts_at", message: "a scheduled run needs a start" });
        }
        Ok(self)
    }
}

/// One giving of a course.
#[derive(Debug, Clone, PartialEq, Eq, Record)]
pub struct Run {
    #[record(name = "run_id")]
    pub id: RunId,
    #[record(name = "course_id")]
    pub course: CourseId,
    pub state: RunState,
    #[record(flatten)]
    pub plan: RunPlan,
    /// 0 before it is published.
    #[record(default_is_null)]
    pub version: i32,
    /// Grows with each change.
    pub revision: i64,
    pub created_at: OffsetDateTime,
    pub updated_at: OffsetDateTime,
}

impl Run {
    /// Takes other dates or another pace.
    pub fn replan(self, plan: RunPlan, now: OffsetDateTime) -> Self {
        Self { plan, revision: self.revision + 1, updated_at: now, ..self }
    }

    /// Shows a version to learners. The same version again changes nothing.
    pub fn publish(self, version: i32, now: OffsetDateTime) -> Self {
        if self.state == RunState::Published && self.version == version {
            return self;
        }
        Self { state: RunState::Published, version, revision: self.revision + 1, updated_at: now, ..self }
    }

    /// Stops offering it. A run that nobody ever saw can be closed too.
    pub fn close(self, now: OffsetDateTime) -> Self {
        if self.state == RunState::Closed {
            return self;
        }
        Self { state: RunState::Closed, revision: self.revision + 1, updated_at: now, ..self }
    }

    pub fn enrolment_open(&self, now: OffsetDateTime) -> bool {
        self.state == RunState::Published
            && self.plan.enrolment.contains(now)
            && self.plan.lessons.ends_at.is_none_or(|end| now < end)
    }

    /// Learners see a run that is or was published; a draft does not exist for them.
    pub fn visible(&self) -> Result<(), Refusal> {
        if self.version == 0 { Err(Refusal::RunNotFound) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    fn run() -> Run {
        let now = datetime!(2026-03-02 09:00 UTC);
        Run {
            id: RunId::new(now),
            course: CourseId::new(now),
            state: RunState::Draft,
            plan: RunPlan {
                title: Title::parse("Spring").unwrap(),
                pacing: Pacing::SelfPaced,
                sequence: Sequence::Free,
                lessons: Window::default(),
                enrolment: Window::default(),
            },
            version: 0,
            revision: 1,
            created_at: now,
            updated_at: now,
        }
    }

    #[test]
    fn a_window_cannot_end_before_it_starts() {
        let at = datetime!(2026-03-02 09:00 UTC);
        assert_eq!(Window::new(Some(at), Some(at)), Err(BadWindow));
        let window = Window::new(Some(at), Some(at + time::Duration::DAY)).unwrap();
        assert!(window.contains(at));
        assert!(!window.contains(at - time::Duration::SECOND));
        assert!(!window.contains(at + time::Duration::DAY), "the end is outside");
    }

    #[test]
    fn a_plan_is_checked_as_a_whole() {
        let start = datetime!(2026-03-02 09:00 UTC);
        let plan = || run().plan;
        let refused = |patch| match plan().with(patch).checked() {
            Err(Refusal::BadDate { field, .. }) => field,
            other => panic!("not refused: {other:?}"),
        };
        assert_eq!(refused(RunPlanPatch { pacing: Some(Pacing::Scheduled), ..Default::default() }), "starts_at");
        let lessons = WindowPatch { starts_at: Some(Some(start)), ends_at: Some(Some(start)) };
        assert_eq!(refused(RunPlanPatch { lessons, ..Default::default() }), "ends_at");
        let lessons = WindowPatch { starts_at: Some(Some(start)), ..Default::default() };
        let scheduled = RunPlanPatch { pacing: Some(Pacing::Scheduled), lessons, ..Default::default() };
        let scheduled = plan().with(scheduled).checked().unwrap();
        assert_eq!(scheduled.clone().with(RunPlanPatch::default()).checked(), Ok(scheduled));
    }

    #[test]
    fn people_join_a_published_run_in_its_window_only() {
        let now = datetime!(2026-03-02 09:00 UTC);
        assert!(!run().enrolment_open(now), "a draft is not offered");
        let published = run().publish(1, now);
        assert!(published.enrolment_open(now));
        assert!(!published.clone().close(now).enrolment_open(now));
        let over = RunPlan { lessons: Window::new(None, Some(now)).unwrap(), ..published.plan.clone() };
        assert!(!published.replan(over, now).enrolment_open(now), "nobody joins a run that is over");
    }

    #[test]
    fn publishing_the_same_version_again_changes_nothing() {
        let now = datetime!(2026-03-02 09:00 UTC);
        let published = run().publish(1, now);
        assert_eq!(published.clone().publish(1, now + time::Duration::HOUR), published);
        assert_eq!(published.clone().publish(2, now).revision, published.revision + 1);
    }

    #[test]
    fn a_run_that_was_never_published_does_not_exist_for_learners() {
        let now = datetime!(2026-03-02 09:00 UTC);
        assert_eq!(run().visible(), Err(Refusal::RunNotFound));
        assert_eq!(run().publish(1, now).close(now).visible(), Ok(()));
    }
}
