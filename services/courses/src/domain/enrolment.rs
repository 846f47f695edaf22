//! Enrolments: one attempt of a learner at a run, as a state machine. Why a lesson is open or locked lives in `access`.

use time::{Duration, OffsetDateTime};
use values::{Named, Record, record::Microseconds};

use super::{
    Refusal,
    entitlement::{Reach, later},
    id::{CourseId, EnrolmentId, EntitlementId, LearnerId, RunId},
};

/// Where an enrolment is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Record)]
pub enum State {
    Active,
    Paused {
        #[record(name = "paused_since")]
        since: OffsetDateTime,
    },
    Completed,
    Expired {
        #[record(name = "ended_at")]
        at: OffsetDateTime,
    },
    Withdrawn {
        #[record(name = "ended_at")]
        at: OffsetDateTime,
    },
    Revoked {
        #[record(name = "ended_at")]
        at: OffsetDateTime,
    },
}

/// The name of a state, as tables and filters know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Named)]
pub enum StateName {
    Active,
    Paused,
    Completed,
    Expired,
    Withdrawn,
    Revoked,
}

impl State {
    pub const fn name(self) -> StateName {
        match self {
            Self::Active => StateName::Active,
            Self::Paused { .. } => StateName::Paused,
            Self::Completed => StateName::Completed,
            Self::Expired { .. } => StateName::Expired,
            Self::Withdrawn { .. } => StateName::Withdrawn,
            Self::Revoked { .. } => StateName::Revoked,
        }
    }

    pub const fn paused_since(self) -> Option<OffsetDateTime> {
        if let Self::Paused { since } = self { Some(since) } else { None }
    }

    pub const fn ended_at(self) -> Option<OffsetDateTime> {
        match self {
            Self::Expired { at } | Self::Withdrawn { at } | Self::Revoked { at } => Some(at),
            Self::Active | Self::Paused { .. } | Self::Completed => None,
        }
    }

    pub const fn live(self) -> bool {
        self.ended_at().is_none()
    }
}

/// What an enrolment rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Named)]
pub enum Mode {
    /// Entitlements: it ends with the last of them.
    Entitled,
    /// The school's decision: it ends when the school says so.
    Granted,
}

/// Why an enrolment changed; the log keeps its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Named)]
#[named(capitals)]
pub enum Cause {
    EntitlementGranted,
    EntitlementRevoked,
    EnrolledByStaff,
    PausedByStaff,
    ResumedByStaff,
    ExtendedByStaff,
    EndedByStaff,
    AccessEnded,
    CourseCompleted,
    LearnerErased,
}

/// One attempt of a learner at a run.
#[derive(Debug, Clone, PartialEq, Eq, Record)]
pub struct Enrolment {
    #[record(name = "enrolment_id", key)]
    pub id: EnrolmentId,
    #[record(name = "learner_id", key)]
    pub learner: LearnerId,
    #[record(name = "course_id")]
    pub course: CourseId,
    #[record(name = "run_id")]
    pub run: RunId,
    /// From 1; who comes back after an end begins a new one.
    pub attempt: i32,
    #[record(flatten)]
    pub state: State,
    pub mode: Mode,
    /// The entitlement that started it.
    #[record(name = "entitlement_id")]
    pub entitlement: Option<EntitlementId>,
    pub starts_at: OffsetDateTime,
    /// None: for ever.
    pub access_ends_at: Option<OffsetDateTime>,
    /// Until when the school extended it, whatever the entitlements say.
    pub extended_until: Option<OffsetDateTime>,
    /// The sum of all pauses, by which lessons open later.
    #[record(name = "delay_microseconds", with = Microseconds)]
    pub delay: Duration,
    /// A fact that stays, whatever the state comes to.
    pub completed_at: Option<OffsetDateTime>,
    pub created_at: OffsetDateTime,
    /// Grows with each change and each event.
    pub revision: i64,
}

/// What to do about an enrolment after its entitlements changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settled {
    /// Begin a new attempt that reaches so far.
    Start(Reach),
    /// Keep this changed one.
    Changed(Enrolment),
    Nothing,
}

const NOT_AN_EXTENSION: Refusal = Refusal::BadDate {
    field: "access_ends_at",
    message: "expected an instant later than now and than the present end of access",
};

impl Enrolment {
    /// What a new entitlement means: a new attempt, or more time for the live one.
    pub fn entitled(current: Option<Self>, reach: Option<Reach>) -> Settled {
        match (current, reach) {
            (None, Some(reach)) => Settled::Start(reach),
            (Some(current), Some(reach)) => {
                let starts_at = current.starts_at.min(reach.starts_at);
                let access_ends_at = later(current.access_ends_at, reach.ends_at.map(|end| end + current.delay));
                if (starts_at, access_ends_at) == (current.starts_at, current.access_ends_at) {
                    return Settled::Nothing;
                }
                Settled::Changed(Self { starts_at, access_ends_at, ..current }.changed())
            }
            (_, None) => Settled::Nothing,
        }
    }

    /// What the end of an entitlement means, given what the others still reach.
    pub fn unentitled(current: Option<Self>, left: Option<Reach>, now: OffsetDateTime) -> Settled {
        let Some(current) = current else { return Settled::Nothing };
        match (current.mode, left) {
            // The school let the learner in and decides itself.
            (Mode::Granted, _) => Settled::Nothing,
            (Mode::Entitled, None) => Settled::Changed(Self { state: State::Revoked { at: now }, ..current }.changed()),
            (Mode::Entitled, Some(left)) => {
                let end = left.ends_at.map(|end| end + current.delay);
                // An extension that the school gave stays; where an end is open there is nothing to extend.
                let access_ends_at = end.map(|end| current.extended_until.map_or(end, |until| until.max(end)));
                if access_ends_at == current.access_ends_at {
                    return Settled::Nothing;
                }
                Settled::Changed(Self { access_ends_at, ..current }.changed())
            }
        }
    }

    pub fn pause(self, now: OffsetDateTime) -> Result<Self, Refusal> {
        match self.state {
            State::Active => Ok(Self { state: State::Paused { since: now }, ..self }.changed()),
            State::Paused { .. } => Err(Refusal::EnrolmentPaused),
            State::Completed => Err(Refusal::EnrolmentCompleted),
            State::Expired { at } | State::Withdrawn { at } | State::Revoked { at } => {
                Err(Refusal::EnrolmentEnded { ended_at: at })
            }
        }
    }

    /// Everything that counts from the start, and the end of access, comes later by the pause.
    pub fn resume(self, now: OffsetDateTime) -> Result<Self, Refusal> {
        match self.state {
            State::Paused { since } => {
                let pause = (now - since).max(Duration::ZERO);
                Ok(Self {
                    state: State::Active,
                    access_ends_at: self.access_ends_at.map(|end| end + pause),
                    extended_until: self.extended_until.map(|until| until + pause),
                    delay: self.delay + pause,
                    ..self
                }
                .changed())
            }
            State::Active | State::Completed => Err(Refusal::EnrolmentNotPaused),
            State::Expired { at } | State::Withdrawn { at } | State::Revoked { at } => {
                Err(Refusal::EnrolmentEnded { ended_at: at })
            }
        }
    }

    /// Gives more time. An expired enrolment goes on where it stopped.
    pub fn extend(self, until: OffsetDateTime, now: OffsetDateTime) -> Result<Self, Refusal> {
        let state = match self.state {
            State::Expired { .. } if self.completed_at.is_some() => State::Completed,
            State::Expired { .. } => State::Active,
            State::Withdrawn { at } | State::Revoked { at } => return Err(Refusal::EnrolmentEnded { ended_at: at }),
            live => live,
        };
        match self.access_ends_at {
            Some(end) if until > end && until > now => {
                Ok(Self { state, access_ends_at: Some(until), extended_until: Some(until), ..self }.changed())
            }
            _ => Err(NOT_AN_EXTENSION),
        }
    }

    /// Ends it by the school's decision.
    pub fn withdraw(self, now: OffsetDateTime) -> Result<Self, Refusal> {
        if let Some(ended_at) = self.state.ended_at() {
            return Err(Refusal::EnrolmentEnded { ended_at });
        }
        Ok(Self { state: State::Withdrawn { at: now }, ..self }.changed())
    }

    /// Whether its time is up. A paused enrolment's clock stands still.
    pub fn overdue(&self, now: OffsetDateTime) -> bool {
        matches!(self.state, State::Active | State::Completed) && self.access_ends_at.is_some_and(|end| end <= now)
    }

    /// Ends it because its time is up; none if it is not.
    pub fn expire(self, now: OffsetDateTime) -> Option<Self> {
        self.overdue(now).then(|| Self { state: State::Expired { at: now }, ..self }.changed())
    }

    /// Every required lesson is completed; none if that was so before. It stays so, whatever is published later.
    pub fn complete(self, now: OffsetDateTime) -> Option<Self> {
        (self.state == State::Active && self.completed_at.is_none())
            .then(|| Self { state: State::Completed, completed_at: Some(now), ..self }.changed())
    }

    /// One revision later: so that every event about it carries a higher version.
    pub fn changed(self) -> Self {
        Self { revision: self.revision + 1, ..self }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;
    use time::macros::datetime;

    pub(crate) const NOW: OffsetDateTime = datetime!(2026-03-02 09:00 UTC);

    pub(crate) fn enrolment() -> Enrolment {
        Enrolment {
            id: EnrolmentId::new(NOW),
            learner: LearnerId::new(NOW),
            course: CourseId::new(NOW),
            run: RunId::new(NOW),
            attempt: 1,
            state: State::Active,
            mode: Mode::Entitled,
            entitlement: None,
            starts_at: NOW,
            access_ends_at: Some(day(30)),
            extended_until: None,
            delay: Duration::ZERO,
            completed_at: None,
            created_at: NOW,
            revision: 1,
        }
    }

    fn day(days: i64) -> OffsetDateTime {
        NOW + Duration::days(days)
    }

    fn reach(ends: Option<i64>) -> Option<Reach> {
        Some(Reach { starts_at: NOW, ends_at: ends.map(day) })
    }

    fn changed(settled: Settled) -> Enrolment {
        match settled {
            Settled::Changed(enrolment) => enrolment,
            other => panic!("nothing changed: {other:?}"),
        }
    }

    #[test]
    fn a_second_entitlement_gives_more_time_and_never_less() {
        let longer = changed(Enrolment::entitled(Some(enrolment()), reach(Some(60))));
        assert_eq!(longer.access_ends_at, Some(day(60)));
        assert_eq!(Enrolment::entitled(Some(longer.clone()), reach(Some(40))), Settled::Nothing);
        assert_eq!(changed(Enrolment::entitled(Some(longer), reach(None))).access_ends_at, None);
    }

    #[test]
    fn access_stays_while_one_entitlement_is_live() {
        let shorter = changed(Enrolment::unentitled(Some(enrolment()), reach(Some(10)), NOW));
        assert_eq!((shorter.state, shorter.access_ends_at), (State::Active, Some(day(10))));
        let revoked = changed(Enrolment::unentitled(Some(shorter), None, NOW));
        assert_eq!(revoked.state, State::Revoked { at: NOW });
    }

    #[test]
    fn a_revoked_entitlement_does_not_end_what_the_school_granted_or_extended() {
        let granted = Enrolment { mode: Mode::Granted, ..enrolment() };
        assert_eq!(Enrolment::unentitled(Some(granted), None, NOW), Settled::Nothing);
        let extended = enrolment().extend(day(90), NOW).unwrap();
        assert_eq!(Enrolment::unentitled(Some(extended), reach(Some(10)), NOW), Settled::Nothing);
    }

    #[test]
    fn a_pause_moves_the_end_and_the_lessons() {
        let resumed = enrolment().pause(day(1)).unwrap().resume(day(8)).unwrap();
        assert_eq!((resumed.access_ends_at, resumed.delay), (Some(day(37)), Duration::days(7)));
        assert_eq!(enrolment().resume(NOW), Err(Refusal::EnrolmentNotPaused));
        let paused = enrolment().pause(NOW).unwrap();
        assert!(!paused.overdue(day(400)), "a paused clock stands still");
        assert_eq!(paused.pause(NOW), Err(Refusal::EnrolmentPaused));
    }

    #[test]
    fn an_expired_enrolment_goes_on_when_it_is_extended() {
        let expired = enrolment().expire(day(30)).unwrap();
        assert_eq!(expired.state, State::Expired { at: day(30) });
        assert_eq!(expired.clone().extend(day(29), day(31)), Err(NOT_AN_EXTENSION));
        assert_eq!(expired.clone().extend(day(40), day(31)).unwrap().state, State::Active);
        let completed = Enrolment { completed_at: Some(NOW), ..expired };
        assert_eq!(completed.extend(day(40), day(31)).unwrap().state, State::Completed);
        assert_eq!(enrolment().expire(day(29)), None);
    }

    #[test]
    fn completion_happens_once() {
        let completed = enrolment().complete(day(2)).unwrap();
        assert_eq!((completed.state, completed.completed_at), (State::Completed, Some(day(2))));
        assert_eq!(completed.complete(day(3)), None);
    }

    #[derive(Debug, Clone)]
    enum Step {
        Pause,
        Resume,
        Extend(i64),
        Withdraw,
        Expire,
        Complete,
        Entitle(Option<i64>),
        Unentitle(Option<Option<i64>>),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            Just(Step::Pause),
            Just(Step::Resume),
            (0..400_i64).prop_map(Step::Extend),
            Just(Step::Withdraw),
            Just(Step::Expire),
            Just(Step::Complete),
            prop::option::of(0..400_i64).prop_map(Step::Entitle),
            prop::option::of(prop::option::of(0..400_i64)).prop_map(Step::Unentitle),
        ]
    }

    proptest! {
        #[test]
        fn no_path_forgets_a_completion_or_revives_what_was_taken(steps in prop::collection::vec((step(), 0..20_i64), 0..30)) {
            let mut current = enrolment();
            let mut now = NOW;
            for (step, days) in steps {
                now += Duration::days(days);
                let before = current.clone();
                let live = current.state.live().then(|| current.clone());
                let next = match step {
                    Step::Pause => current.pause(now).ok(),
                    Step::Resume => current.resume(now).ok(),
                    Step::Extend(days) => current.extend(now + Duration::days(days), now).ok(),
                    Step::Withdraw => current.withdraw(now).ok(),
                    Step::Expire => current.expire(now),
                    Step::Complete => current.complete(now),
                    Step::Entitle(end) => match Enrolment::entitled(live, reach(end)) {
                        Settled::Changed(next) => Some(next),
                        Settled::Start(_) | Settled::Nothing => None,
                    },
                    Step::Unentitle(left) => match Enrolment::unentitled(live, left.and_then(reach), now) {
                        Settled::Changed(next) => Some(next),
                        Settled::Start(_) | Settled::Nothing => None,
                    },
                };
                let Some(next) = next else {
                    current = before;
                    continue;
                };
                prop_assert_eq!(next.revision, before.revision + 1);
                if before.completed_at.is_some() {
                    prop_assert_eq!(next.completed_at, before.completed_at);
                }
                if matches!(before.state, State::Withdrawn { .. } | State::Revoked { .. }) {
                    prop_assert!(false, "left {:?} for {:?}", before.state, next.state);
                }
                current = next;
            }
        }
    }
}
