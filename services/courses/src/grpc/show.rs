//! Courses, runs, outlines and enrolments as messages. Quizzes are shown by `quizzes`, contents by `content`.

use proto::{
    lyceum::courses::v1::{
        Course, CourseCard, CourseProgress, CourseVersion, Enrolment, EnrolmentChange, ExportedLesson,
        ExportedLessonCompletion, ExportedRun, LessonKind, LessonLock, LessonProgress, Outline, OutlineLesson,
        OutlineSection, Run, Syllabus, SyllabusLesson, SyllabusSection, course, enrolment, lesson_lock,
        lesson_progress, run,
    },
    wkt,
};
use time::OffsetDateTime;
use values::Language;

use crate::{
    domain::{
        access::Lock,
        course as course_law,
        course::{CourseState, Level},
        enrolment as enrolment_law, outline as outline_law, progress as progress_law, run as run_law,
    },
    flows::take_seat::Seated,
    store::{courses::Card, enrolments::Change, exports, versions::Version},
};

const fn level(level: Option<Level>) -> course::Level {
    match level {
        None => course::Level::Unspecified,
        Some(Level::Beginner) => course::Level::Beginner,
        Some(Level::Intermediate) => course::Level::Intermediate,
        Some(Level::Advanced) => course::Level::Advanced,
    }
}

const fn state(state: CourseState) -> course::State {
    match state {
        CourseState::Draft => course::State::Draft,
        CourseState::Published => course::State::Published,
        CourseState::Archived => course::State::Archived,
    }
}

fn language(language: Language) -> String {
    language.as_str().to_owned()
}

pub(super) fn course(course: course_law::Course) -> Course {
    Course {
        course_id: course.id.to_string(),
        state: state(course.state).into(),
        language: language(course.page.language),
        level: level(course.page.level).into(),
        title: course.page.title.into_string(),
        summary: course.page.summary.into_string(),
        description: course.page.description.into_string(),
        tags: course.page.tags.as_slice().to_vec(),
        cover_media_id: course.page.cover.map(|cover| cover.into_string()).unwrap_or_default(),
        latest_version: course.latest_version,
        etag: course.revision.to_string(),
        created_at: Some(course.created_at.into()),
        updated_at: Some(course.updated_at.into()),
        published_at: course.published_at.map(Into::into),
    }
}

pub(super) fn card(card: Card) -> CourseCard {
    CourseCard {
        course_id: card.id.to_string(),
        state: state(card.state).into(),
        language: language(card.language),
        level: level(card.level).into(),
        title: card.title,
        summary: card.summary,
        tags: card.tags,
        cover_media_id: card.cover_media_id.unwrap_or_default(),
        published_at: card.published_at.map(Into::into),
    }
}

pub(super) fn version(version: Version) -> CourseVersion {
    CourseVersion {
        course_id: version.course.to_string(),
        version: version.version,
        note: version.note,
        lesson_count: version.lesson_count,
        published_at: Some(version.published_at.into()),
        published_by: version.published_by,
    }
}

pub(super) fn run(run: run_law::Run, now: OffsetDateTime) -> Run {
    let state = match run.state {
        run_law::RunState::Draft => run::State::Draft,
        run_law::RunState::Published => run::State::Published,
        run_law::RunState::Closed => run::State::Closed,
    };
    let pacing = match run.plan.pacing {
        run_law::Pacing::SelfPaced => run::Pacing::SelfPaced,
        run_law::Pacing::Scheduled => run::Pacing::Scheduled,
    };
    let sequence = match run.plan.sequence {
        run_law::Sequence::Free => run::Sequence::Free,
        run_law::Sequence::LessonByLesson => run::Sequence::LessonByLesson,
        run_law::Sequence::SectionBySection => run::Sequence::SectionBySection,
    };
    Run {
        run_id: run.id.to_string(),
        course_id: run.course.to_string(),
        state: state.into(),
        enrolment_open: run.enrolment_open(now),
        title: run.plan.title.into_string(),
        pacing: pacing.into(),
        sequence: sequence.into(),
        starts_at: run.plan.lessons.starts_at.map(Into::into),
        ends_at: run.plan.lessons.ends_at.map(Into::into),
        enrolment_starts_at: run.plan.enrolment.starts_at.map(Into::into),
        enrolment_ends_at: run.plan.enrolment.ends_at.map(Into::into),
        version: run.version,
        etag: run.revision.to_string(),
        created_at: Some(run.created_at.into()),
        updated_at: Some(run.updated_at.into()),
    }
}

pub(super) const fn kind(kind: &outline_law::LessonKind) -> LessonKind {
    match kind {
        outline_law::LessonKind::Text => LessonKind::Text,
        outline_law::LessonKind::Video(_) => LessonKind::Video,
        outline_law::LessonKind::File => LessonKind::File,
        outline_law::LessonKind::Quiz => LessonKind::Quiz,
    }
}

pub(super) fn milliseconds(milliseconds: u32) -> wkt::Duration {
    time::Duration::milliseconds(i64::from(milliseconds)).into()
}

fn length(kind: &outline_law::LessonKind) -> Option<wkt::Duration> {
    match kind {
        outline_law::LessonKind::Video(video) => Some(milliseconds(video.length.millis())),
        _ => None,
    }
}

pub(super) fn syllabus(course: &course_law::Course, outline: &outline_law::Outline) -> Syllabus {
    let lesson = |card: &outline_law::LessonCard| SyllabusLesson {
        lesson_id: card.id.to_string(),
        title: card.title.to_string(),
        kind: kind(&card.kind).into(),
        required: card.required,
        free_preview: card.free_preview,
        duration: length(&card.kind),
    };
    let section = |section: &outline_law::Section| SyllabusSection {
        section_id: section.id.to_string(),
        title: section.title.to_string(),
        lessons: section.lessons.iter().map(lesson).collect(),
    };
    Syllabus {
        course_id: course.id.to_string(),
        version: course.latest_version,
        sections: outline.sections.iter().map(section).collect(),
    }
}

pub(super) const fn enrolment_state(state: enrolment_law::State) -> enrolment::State {
    match state {
        enrolment_law::State::Active => enrolment::State::Active,
        enrolment_law::State::Paused { .. } => enrolment::State::Paused,
        enrolment_law::State::Completed => enrolment::State::Completed,
        enrolment_law::State::Expired { .. } => enrolment::State::Expired,
        enrolment_law::State::Withdrawn { .. } => enrolment::State::Withdrawn,
        enrolment_law::State::Revoked { .. } => enrolment::State::Revoked,
    }
}

/// A state by the name that the log keeps.
fn state_named(name: &str) -> enrolment::State {
    enrolment::State::from_str_name(&format!("STATE_{}", name.to_uppercase())).unwrap_or_default()
}

pub(super) fn enrolment(enrolment: &enrolment_law::Enrolment) -> Enrolment {
    let mode = match enrolment.mode {
        enrolment_law::Mode::Entitled => enrolment::Mode::Entitled,
        enrolment_law::Mode::Granted => enrolment::Mode::Granted,
    };
    Enrolment {
        enrolment_id: enrolment.id.to_string(),
        learner_id: enrolment.learner.to_string(),
        course_id: enrolment.course.to_string(),
        run_id: enrolment.run.to_string(),
        attempt: enrolment.attempt,
        state: enrolment_state(enrolment.state).into(),
        mode: mode.into(),
        starts_at: Some(enrolment.starts_at.into()),
        access_ends_at: enrolment.access_ends_at.map(Into::into),
        completed_at: enrolment.completed_at.map(Into::into),
        ended_at: enrolment.state.ended_at().map(Into::into),
        created_at: Some(enrolment.created_at.into()),
        revision: enrolment.revision,
    }
}

pub(super) fn change(change: Change) -> EnrolmentChange {
    EnrolmentChange {
        state: state_named(&change.state).into(),
        reason: change.reason,
        note: change.note,
        actor: change.actor,
        occurred_at: Some(change.occurred_at.into()),
    }
}

pub(super) fn course_progress(progress: progress_law::CourseProgress) -> CourseProgress {
    CourseProgress {
        percent: i32::from(progress.percent),
        completed_lessons: count(progress.completed_lessons),
        required_lessons: count(progress.required_lessons),
        completed_at: progress.completed_at.map(Into::into),
    }
}

/// Counts here are of lessons, questions and points: far below what the message holds.
pub(super) fn count(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

pub(super) fn lock(lock: &Lock) -> LessonLock {
    use lesson_lock::Reason;
    let (reason, until, lesson_id) = match lock {
        Lock::NotEnrolled => (Reason::NotEnrolled, None, None),
        Lock::EnrolmentPaused => (Reason::EnrolmentPaused, None, None),
        Lock::EnrolmentEnded => (Reason::EnrolmentEnded, None, None),
        Lock::AccessNotStarted { until } => (Reason::AccessNotStarted, Some(*until), None),
        Lock::AccessEnded => (Reason::AccessEnded, None, None),
        Lock::RunNotStarted { until } => (Reason::RunNotStarted, Some(*until), None),
        Lock::RunEnded => (Reason::RunEnded, None, None),
        Lock::NotReleased { until } => (Reason::NotReleased, Some(*until), None),
        Lock::Prerequisite { lesson } => (Reason::Prerequisite, None, Some(lesson)),
    };
    LessonLock {
        reason: reason.into(),
        until: until.map(Into::into),
        lesson_id: lesson_id.map(ToString::to_string).unwrap_or_default(),
    }
}

pub(super) const fn stage(begun: bool, completed: bool) -> lesson_progress::State {
    match (begun, completed) {
        (_, true) => lesson_progress::State::Completed,
        (true, false) => lesson_progress::State::Started,
        (false, false) => lesson_progress::State::NotStarted,
    }
}

/// A lesson's progress as outlines show it: without what only the lesson's own page needs.
fn brief(card: &outline_law::LessonCard, progress: Option<&progress_law::LessonProgress>) -> LessonProgress {
    let completed_at = progress.and_then(|progress| progress.completed_at);
    LessonProgress {
        lesson_id: card.id.to_string(),
        state: stage(progress.is_some(), completed_at.is_some()).into(),
        percent: progress.map_or(0, |progress| i32::from(progress.percent)),
        completed_at: completed_at.map(Into::into),
        video: None,
        quiz: None,
    }
}

pub(super) fn outline(seated: &Seated) -> Outline {
    let seat = &seated.seat;
    let mut lessons = seated.locks().into_iter();
    let lesson = |(card, locks): (&outline_law::LessonCard, Vec<Lock>)| OutlineLesson {
        lesson_id: card.id.to_string(),
        title: card.title.to_string(),
        kind: kind(&card.kind).into(),
        required: card.required,
        weight: i32::from(card.weight.get()),
        free_preview: card.free_preview,
        duration: length(&card.kind),
        locks: locks.iter().map(lock).collect(),
        progress: Some(brief(card, seat.progress.get(&card.id))),
    };
    let mut section = |section: &outline_law::Section| OutlineSection {
        section_id: section.id.to_string(),
        title: section.title.to_string(),
        lessons: lessons.by_ref().take(section.lessons.len()).map(lesson).collect(),
    };
    Outline {
        run_id: seat.run.id.to_string(),
        course_id: seat.run.course.to_string(),
        course_title: seat.course_title.clone(),
        run_title: seat.run.plan.title.to_string(),
        version: seat.run.version,
        enrolment: seat.enrolment.as_ref().map(enrolment),
        progress: Some(course_progress(seated.course_progress())),
        sections: seated.outline.sections.iter().map(&mut section).collect(),
    }
}

pub(super) fn exported_run(run: &exports::ExportedRun) -> ExportedRun {
    let lessons = run.outline.lessons().map(|lesson| ExportedLesson {
        lesson_id: lesson.id.to_string(),
        title: lesson.title.to_string(),
        required: lesson.required,
    });
    ExportedRun {
        course_id: run.course.to_string(),
        run_id: run.run.to_string(),
        version: run.version,
        title: run.title.clone(),
        language: language(run.language),
        lessons: lessons.collect(),
        aggregate_version: run.revision,
    }
}

pub(super) fn exported_completion(completion: &exports::ExportedCompletion) -> ExportedLessonCompletion {
    ExportedLessonCompletion {
        enrolment_id: completion.enrolment.to_string(),
        learner_id: completion.learner.to_string(),
        run_id: completion.run.to_string(),
        lesson_id: completion.lesson.to_string(),
        completed_at: Some(completion.completed_at.into()),
    }
}
