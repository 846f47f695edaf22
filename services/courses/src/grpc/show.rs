//! Courses, runs, outlines and enrolments as messages. Quizzes are printed by `quizzes`, contents by `content`.

use contract::wire;
use proto::{
    lyceum::courses::v1::{self as pb, lesson_progress::State},
    wkt,
};
use time::OffsetDateTime;

use crate::{
    domain::{
        access::Lock,
        course::Course,
        enrolment::Enrolment,
        id::LessonId,
        outline::{LessonCard, LessonKind, Outline, Section},
        playback::Playback,
        progress::CourseProgress,
        run::Run,
        seat::Seat,
    },
    store::{
        courses::Card,
        enrolments::Change,
        exports::{ExportedCompletion, ExportedRun},
        progress::Detail,
        versions::Version,
    },
};

pub(super) fn course(course: Course) -> pb::Course {
    pb::Course {
        course_id: course.id.to_string(),
        state: wire::<pb::course::State>(course.state),
        language: course.page.language.to_string(),
        level: course.page.level.map_or(0, wire::<pb::course::Level>),
        title: course.page.title.into_string(),
        summary: course.page.summary.into_string(),
        description: course.page.description.into_string(),
        tags: course.page.tags.as_slice().to_vec(),
        cover_media_id: course.page.cover.map(|cover| cover.into_string()),
        latest_version: course.latest_version,
        etag: course.revision.to_string(),
        created_at: Some(course.created_at.into()),
        updated_at: Some(course.updated_at.into()),
        published_at: course.published_at.map(Into::into),
    }
}

pub(super) fn card(card: Card) -> pb::CourseCard {
    pb::CourseCard {
        course_id: card.id.to_string(),
        state: wire::<pb::course::State>(card.state),
        language: card.language.to_string(),
        level: card.level.map_or(0, wire::<pb::course::Level>),
        title: card.title,
        summary: card.summary,
        tags: card.tags,
        cover_media_id: card.cover_media_id,
        published_at: card.published_at.map(Into::into),
    }
}

pub(super) fn version(version: Version) -> pb::CourseVersion {
    pb::CourseVersion {
        course_id: version.course.to_string(),
        version: version.version,
        note: version.note,
        lesson_count: version.lesson_count,
        published_at: Some(version.published_at.into()),
        published_by: version.published_by,
    }
}

pub(super) fn run(run: Run, now: OffsetDateTime) -> pb::Run {
    pb::Run {
        run_id: run.id.to_string(),
        course_id: run.course.to_string(),
        state: wire::<pb::run::State>(run.state),
        enrolment_open: run.enrolment_open(now),
        title: run.plan.title.into_string(),
        pacing: wire::<pb::run::Pacing>(run.plan.pacing),
        sequence: wire::<pb::run::Sequence>(run.plan.sequence),
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

pub(super) fn kind(kind: &LessonKind) -> i32 {
    wire::<pb::LessonKind>(kind.name())
}

pub(super) fn milliseconds(milliseconds: u32) -> wkt::Duration {
    time::Duration::milliseconds(i64::from(milliseconds)).into()
}

fn length(kind: &LessonKind) -> Option<wkt::Duration> {
    if let LessonKind::Video(video) = kind { Some(milliseconds(video.length.millis())) } else { None }
}

pub(super) fn syllabus(course: &Course, outline: &Outline) -> pb::Syllabus {
    let lesson = |card: &LessonCard| pb::SyllabusLesson {
        lesson_id: card.id.to_string(),
        title: card.title.to_string(),
        kind: kind(&card.kind),
        required: card.required,
        free_preview: card.free_preview,
        duration: length(&card.kind),
    };
    let section = |section: &Section| pb::SyllabusSection {
        section_id: section.id.to_string(),
        title: section.title.to_string(),
        lessons: section.lessons.iter().map(lesson).collect(),
    };
    let sections = outline.sections.iter().map(section).collect();
    pb::Syllabus { course_id: course.id.to_string(), version: course.latest_version, sections }
}

pub(super) fn enrolment(enrolment: &Enrolment) -> pb::Enrolment {
    pb::Enrolment {
        enrolment_id: enrolment.id.to_string(),
        learner_id: enrolment.learner.to_string(),
        course_id: enrolment.course.to_string(),
        run_id: enrolment.run.to_string(),
        attempt: enrolment.attempt,
        state: wire::<pb::enrolment::State>(enrolment.state.name()),
        mode: wire::<pb::enrolment::Mode>(enrolment.mode),
        starts_at: Some(enrolment.starts_at.into()),
        access_ends_at: enrolment.access_ends_at.map(Into::into),
        completed_at: enrolment.completed_at.map(Into::into),
        ended_at: enrolment.state.ended_at().map(Into::into),
        created_at: Some(enrolment.created_at.into()),
        revision: enrolment.revision,
    }
}

pub(super) fn change(change: Change) -> pb::EnrolmentChange {
    pb::EnrolmentChange {
        state: wire::<pb::enrolment::State>(change.state),
        reason: change.reason,
        note: change.note,
        actor: change.actor,
        occurred_at: Some(change.occurred_at.into()),
    }
}

pub(super) fn my_enrolment(seat: &Seat) -> pb::MyEnrolment {
    pb::MyEnrolment {
        enrolment: seat.enrolment.as_ref().map(enrolment),
        course_title: seat.course_title.clone(),
        run_title: seat.run.plan.title.to_string(),
        cover_media_id: seat.cover_media_id.clone(),
        progress: Some(course_progress(seat.course_progress())),
    }
}

fn course_progress(progress: CourseProgress) -> pb::CourseProgress {
    pb::CourseProgress {
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

pub(super) fn lock(lock: &Lock) -> pb::LessonLock {
    pb::LessonLock {
        reason: wire::<pb::lesson_lock::Reason>(lock.reason()),
        until: lock.until().map(Into::into),
        lesson_id: lock.lesson().map(|lesson| lesson.to_string()),
    }
}

/// A lesson's progress as outlines show it, by its percent and when it was completed; none before it was begun.
fn brief(lesson: LessonId, begun: Option<(u8, Option<OffsetDateTime>)>) -> pb::LessonProgress {
    let (percent, completed_at) = begun.unwrap_or_default();
    let state = match (begun, completed_at) {
        (None, _) => State::NotStarted,
        (_, None) => State::Started,
        (_, Some(_)) => State::Completed,
    };
    pb::LessonProgress {
        lesson_id: lesson.to_string(),
        state: state.into(),
        percent: i32::from(percent),
        completed_at: completed_at.map(Into::into),
        ..Default::default()
    }
}

/// A lesson's progress as its own page shows it, without the quiz.
pub(super) fn lesson_progress(lesson: LessonId, detail: Option<&Detail>) -> pb::LessonProgress {
    let part = |(start, end): &(u32, u32)| pb::WatchedRange {
        start: Some(milliseconds(*start)),
        end: Some(milliseconds(*end)),
    };
    let video = |playback: &Playback| pb::VideoProgress {
        position: Some(milliseconds(playback.position.as_ref().map_or(0, |position| position.at_ms))),
        furthest: Some(milliseconds(playback.watched.furthest())),
        watched: Some(milliseconds(playback.watched.total())),
        ranges: playback.watched.ranges().iter().map(part).collect(),
    };
    let brief = brief(lesson, detail.map(|detail| (detail.percent, detail.completed_at)));
    pb::LessonProgress { video: detail.and_then(|detail| detail.playback.as_ref()).map(video), ..brief }
}

pub(super) fn outline(seat: &Seat) -> pb::Outline {
    let mut lessons = seat.locks().into_iter();
    let lesson = |(card, locks): (&LessonCard, Vec<Lock>)| pb::OutlineLesson {
        lesson_id: card.id.to_string(),
        title: card.title.to_string(),
        kind: kind(&card.kind),
        required: card.required,
        weight: i32::from(card.weight.get()),
        free_preview: card.free_preview,
        duration: length(&card.kind),
        locks: locks.iter().map(lock).collect(),
        progress: Some(brief(card.id, seat.progress.get(&card.id).map(|begun| (begun.percent, begun.completed_at)))),
    };
    let section = |section: &Section| pb::OutlineSection {
        section_id: section.id.to_string(),
        title: section.title.to_string(),
        lessons: lessons.by_ref().take(section.lessons.len()).map(lesson).collect(),
    };
    pb::Outline {
        run_id: seat.run.id.to_string(),
        course_id: seat.run.course.to_string(),
        course_title: seat.course_title.clone(),
        run_title: seat.run.plan.title.to_string(),
        version: seat.run.version,
        enrolment: seat.enrolment.as_ref().map(enrolment),
        progress: Some(course_progress(seat.course_progress())),
        sections: seat.outline.sections.iter().map(section).collect(),
    }
}

pub(super) fn exported_run(run: &ExportedRun) -> pb::ExportedRun {
    let lessons = run.outline.lessons().map(|lesson| pb::ExportedLesson {
        lesson_id: lesson.id.to_string(),
        title: lesson.title.to_string(),
        required: lesson.required,
    });
    pb::ExportedRun {
        course_id: run.course.to_string(),
        run_id: run.run.to_string(),
        version: run.version,
        title: run.title.clone(),
        language: run.language.to_string(),
        lessons: lessons.collect(),
        aggregate_version: run.revision,
    }
}

pub(super) fn exported_completion(completion: &ExportedCompletion) -> pb::ExportedLessonCompletion {
    pb::ExportedLessonCompletion {
        enrolment_id: completion.enrolment.to_string(),
        learner_id: completion.learner.to_string(),
        run_id: completion.run.to_string(),
        lesson_id: completion.lesson.to_string(),
        completed_at: Some(completion.completed_at.into()),
    }
}
