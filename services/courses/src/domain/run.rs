//! A run: one giving of a course, with its dates, its pace, and the version that its learners see.

use time::OffsetDateTime;

use super::{
    Refusal,
    course::Title,
    id::{CourseId, RunId},
};

/// Where a run is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunState {
    Draft,
    Published,
    Closed,
}

impl RunState {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Published => "published",
            Self::Closed => "closed",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::Draft, Self::Published, Self::Closed].into_iter().find(|state| state.as_str() == text)
    }
}

/// Who decides when a learner does what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pacing {
    SelfPaced,
    Scheduled,
}

impl Pacing {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SelfPaced => "self_paced",
            Self::Scheduled => "scheduled",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::SelfPaced, Self::Scheduled].into_iter().find(|pacing| pacing.as_str() == text)
    }
}

/// In which order lessons open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sequence {
    Free,
    LessonByLesson,
    SectionBySection,
}

impl Sequence {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::LessonByLesson => "lesson_by_lesson",
            Self::SectionBySection => "section_by_section",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::Free, Self::LessonByLesson, Self::SectionBySection].into_iter().find(|order| order.as_str() == text)
    }
}

/// From one instant until another; either side may be open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunPlan {
    pub title: Title,
    pub pacing: Pacing,
    pub sequence: Sequence,
    /// When lessons are open.
    pub lessons: Window,
    /// When people may join.
    pub enrolment: Window,
}

/// What to change of a plan; none leaves a field as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PlanChanges {
    pub title: Option<Title>,
    pub pacing: Option<Pacing>,
    pub sequence: Option<Sequence>,
    pub starts_at: Option<Option<OffsetDateTime>>,
    pub ends_at: Option<Option<OffsetDateTime>>,
    pub enrolment_starts_at: Option<Option<OffsetDateTime>>,
    pub enrolment_ends_at: Option<Option<OffsetDateTime>>,
}

impl RunPlan {
    /// A self-paced plan without dates, to be changed into what an editor wants.
    pub fn untitled(title: Title) -> Self {
        Self {
            title,
            pacing: Pacing::SelfPaced,
            sequence: Sequence::Free,
            lessons: Window::default(),
            enrolment: Window::default(),
        }
    }

    /// Changes it and checks the whole.
    pub fn with(self, changes: PlanChanges) -> Result<Self, Refusal> {
        let window = |field, old: Window, starts_at: Option<Option<_>>, ends_at: Option<Option<_>>| {
            Window::new(starts_at.unwrap_or(old.starts_at), ends_at.unwrap_or(old.ends_at))
                .map_err(|BadWindow| Refusal::BadDate { field, message: "expected an end later than the start" })
        };
        let lessons = window("ends_at", self.lessons, changes.starts_at, changes.ends_at)?;
        let enrolment =
            window("enrolment_ends_at", self.enrolment, changes.enrolment_starts_at, changes.enrolment_ends_at)?;
        let pacing = changes.pacing.unwrap_or(self.pacing);
        if pacing == Pacing::Scheduled && lessons.starts_at.is_none() {
            return Err(Refusal::BadDate { field: "starts_at", message: "a scheduled run needs a start" });
        }
        Ok(Self {
            title: changes.title.unwrap_or(self.title),
            pacing,
            sequence: changes.sequence.unwrap_or(self.sequence),
            lessons,
            enrolment,
        })
    }
}

/// One giving of a course.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    pub id: RunId,
    pub course: CourseId,
    pub state: RunState,
    pub plan: RunPlan,
    /// 0 before it is published.
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
            plan: RunPlan::untitled(Title::parse("Spring").unwrap()),
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
        let refused = |changes| match plan().with(changes) {
            Err(Refusal::BadDate { field, .. }) => field,
            other => panic!("not refused: {other:?}"),
        };
        assert_eq!(refused(PlanChanges { pacing: Some(Pacing::Scheduled), ..Default::default() }), "starts_at");
        let backwards = PlanChanges { starts_at: Some(Some(start)), ends_at: Some(Some(start)), ..Default::default() };
        assert_eq!(refused(backwards), "ends_at");
        let scheduled =
            PlanChanges { pacing: Some(Pacing::Scheduled), starts_at: Some(Some(start)), ..Default::default() };
        let scheduled = plan().with(scheduled).unwrap();
        assert_eq!(scheduled.clone().with(PlanChanges::default()), Ok(scheduled));
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
