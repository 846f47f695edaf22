//! Courses, runs, outlines and enrolments as messages. Quizzes are printed by `quizzes`, contents by `content`.

use contract::{given, message, show};
use proto::lyceum::courses::v1::{self as pb, lesson_progress::State};
use time::{Duration, OffsetDateTime};

use crate::{
    domain::{
        access, course, enrolment, id::LessonId, outline, playback::Playback, progress::CourseProgress, quiz, run,
        seat::Seat,
    },
    store::{courses, enrolments, exports, progress::Detail, versions},
};

contract::twins! {
    access::LockReason => pb::lesson_lock::Reason, course::CourseState => pb::course::State,
    course::Level => pb::course::Level, enrolment::Mode => pb::enrolment::Mode,
    enrolment::StateName => pb::enrolment::State, outline::LessonKindName => pb::LessonKind,
    quiz::AnswersShown => pb::AnswersShown, quiz::QuestionKindName => pb::attempt_question::Kind,
    run::Pacing => pb::run::Pacing, run::RunState => pb::run::State, run::Sequence => pb::run::Sequence,
}

contract::show! {
    course: course::Course => pb::Course {
        course_id: course.id, state: course.state, language: course.page.language, level: course.page.level,
        title: course.page.title, summary: course.page.summary, description: course.page.description,
        tags: course.page.tags.as_slice(), cover_media_id: course.page.cover, latest_version: course.latest_version,
        etag: course.revision, created_at: course.created_at, updated_at: course.updated_at,
        published_at: course.published_at,
    }
    card: courses::Card => pb::CourseCard {
        course_id: card.id, state: card.state, language: card.language, level: card.level, title: card.title,
        summary: card.summary, tags: card.tags, cover_media_id: card.cover_media_id, published_at: card.published_at,
    }
    version: versions::Version => pb::CourseVersion {
        course_id: version.course, version: version.version, note: version.note, lesson_count: version.lesson_count,
        published_at: version.published_at, published_by: version.published_by,
    }
    card: &outline::LessonCard => pb::SyllabusLesson {
        lesson_id: card.id, title: &card.title, kind: card.kind.name(), required: card.required,
        free_preview: card.free_preview, duration: length(&card.kind),
    }
    section: &outline::Section => pb::SyllabusSection {
        section_id: section.id, title: &section.title, lessons: &section.lessons,
    }
    enrolment: enrolment::Enrolment => pb::Enrolment {
        enrolment_id: enrolment.id, learner_id: enrolment.learner, course_id: enrolment.course, run_id: enrolment.run,
        attempt: enrolment.attempt, state: enrolment.state.name(), mode: enrolment.mode, starts_at: enrolment.starts_at,
        access_ends_at: enrolment.access_ends_at, completed_at: enrolment.completed_at,
        ended_at: enrolment.state.ended_at(), created_at: enrolment.created_at, revision: enrolment.revision,
    }
    change: enrolments::Change => pb::EnrolmentChange {
        state: change.state, reason: change.reason, note: given(change.note), actor: change.actor,
        occurred_at: change.occurred_at,
    }
    seat: Seat => pb::MyEnrolment {
        progress: seat.course_progress(), enrolment: seat.enrolment, course_title: seat.course_title,
        run_title: seat.run.plan.title, cover_media_id: seat.cover_media_id,
    }
    progress: CourseProgress => pb::CourseProgress {
        percent: progress.percent, completed_lessons: progress.completed_lessons,
        required_lessons: progress.required_lessons, completed_at: progress.completed_at,
    }
    lock: access::Lock => pb::LessonLock { reason: lock.reason(), until: lock.until(), lesson_id: lock.lesson() }
    playback: &Playback => pb::VideoProgress {
        position: milliseconds(playback.position.as_ref().map_or(0, |position| position.at_ms)),
        furthest: milliseconds(playback.watched.furthest()), watched: milliseconds(playback.watched.total()),
        ranges = playback.watched.ranges().iter().map(range).collect(),
    }
    card: &outline::LessonCard => pb::ExportedLesson { lesson_id: card.id, title: &card.title, required: card.required }
    run: exports::ExportedRun => pb::ExportedRun {
        course_id: run.course, run_id: run.run, version: run.version, title: run.title, language: run.language,
        lessons = run.outline.lessons().map(show).collect(), aggregate_version: run.revision,
    }
    completion: exports::ExportedCompletion => pb::ExportedLessonCompletion {
        enrolment_id: completion.enrolment, learner_id: completion.learner, run_id: completion.run,
        lesson_id: completion.lesson, completed_at: completion.completed_at,
    }
}

pub(super) fn run(run: run::Run, now: OffsetDateTime) -> pb::Run {
    message! { pb::Run {
        run_id: run.id, course_id: run.course, state: run.state, enrolment_open: run.enrolment_open(now),
        title: run.plan.title, pacing: run.plan.pacing, sequence: run.plan.sequence,
        starts_at: run.plan.lessons.starts_at, ends_at: run.plan.lessons.ends_at,
        enrolment_starts_at: run.plan.enrolment.starts_at, enrolment_ends_at: run.plan.enrolment.ends_at,
        version: run.version, etag: run.revision, created_at: run.created_at, updated_at: run.updated_at,
    } }
}

pub(super) fn milliseconds(milliseconds: u32) -> Duration {
    Duration::milliseconds(i64::from(milliseconds))
}

fn range((start, end): &(u32, u32)) -> pb::WatchedRange {
    message! { pb::WatchedRange { start: milliseconds(*start), end: milliseconds(*end) } }
}

fn length(kind: &outline::LessonKind) -> Option<Duration> {
    if let outline::LessonKind::Video(video) = kind { Some(milliseconds(video.length.millis())) } else { None }
}

pub(super) fn syllabus(course: &course::Course, outline: &outline::Outline) -> pb::Syllabus {
    message! { pb::Syllabus { course_id: course.id, version: course.latest_version, sections: &outline.sections } }
}

/// A lesson's progress as outlines show it, by its percent and when it was completed; none before it was begun.
fn brief(lesson: LessonId, begun: Option<(u8, Option<OffsetDateTime>)>) -> pb::LessonProgress {
    let (percent, completed_at) = begun.unwrap_or_default();
    let state = match (begun, completed_at) {
        (None, _) => State::NotStarted,
        (_, None) => State::Started,
        (_, Some(_)) => State::Completed,
    };
    message! { pb::LessonProgress {
        lesson_id: lesson, state = state.into(), percent: percent, completed_at: completed_at,
        video = None, quiz = None,
    } }
}

/// A lesson's progress as its own page shows it, without the quiz.
pub(super) fn lesson_progress(lesson: LessonId, detail: Option<&Detail>) -> pb::LessonProgress {
    let brief = brief(lesson, detail.map(|detail| (detail.percent, detail.completed_at)));
    pb::LessonProgress { video: detail.and_then(|detail| show(&detail.playback)), ..brief }
}

pub(super) fn outline(seat: &Seat) -> pb::Outline {
    let mut lessons = seat.locks().into_iter();
    let begun = |lesson| seat.progress.get(&lesson).map(|begun| (begun.percent, begun.completed_at));
    let lesson = |(card, locks): (&outline::LessonCard, Vec<access::Lock>)| {
        message! { pb::OutlineLesson {
            lesson_id: card.id, title: &card.title, kind: card.kind.name(), required: card.required,
            weight: card.weight.get(), free_preview: card.free_preview, duration: length(&card.kind), locks: locks,
            progress = Some(brief(card.id, begun(card.id))),
        } }
    };
    let section = |section: &outline::Section| {
        message! { pb::OutlineSection {
            section_id: section.id, title: &section.title,
            lessons = lessons.by_ref().take(section.lessons.len()).map(lesson).collect(),
        } }
    };
    message! { pb::Outline {
        run_id: seat.run.id, course_id: seat.run.course, course_title: &seat.course_title,
        run_title: &seat.run.plan.title, version: seat.run.version, enrolment: seat.enrolment.clone(),
        progress: seat.course_progress(), sections = seat.outline.sections.iter().map(section).collect(),
    } }
}
