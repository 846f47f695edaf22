//! Courses' pages and runs' plans, from messages to values.

use proto::{
    lyceum::courses::v1::{Course, Run, run},
    wkt::FieldMask,
};
use rpc::{Fields, Invalid};
use values::Language;

use super::{Mask, catalog, instant};
use crate::domain::{
    course::{CoursePage, CoursePagePatch, Description, MediaId, Summary, Tags, Title},
    run::{Pacing, RunPlanPatch, Sequence, WindowPatch},
};

const COURSE: [&str; 7] = ["language", "level", "title", "summary", "description", "tags", "cover_media_id"];

/// What an update of a course changes; everything for an empty mask.
pub(super) fn course_changes(fields: &mut Fields, sent: &Course, mask: Option<FieldMask>) -> Option<CoursePagePatch> {
    let mask = Mask::read(fields, mask, &COURSE);
    let language = mask.take(fields, "course", "language", || sent.language.parse::<Language>());
    let level = mask.take(fields, "course", "level", || catalog::level(sent.level));
    let title = mask.take(fields, "course", "title", || Title::parse(&sent.title));
    let summary = mask.take(fields, "course", "summary", || Summary::parse(&sent.summary));
    let description = mask.take(fields, "course", "description", || Description::parse(&sent.description));
    let tags = mask.take(fields, "course", "tags", || Tags::parse(&sent.tags, Tags::MAX));
    let cover = mask.take(fields, "course", "cover_media_id", || match sent.cover_media_id.as_str() {
        "" => Ok(None),
        cover => MediaId::parse(cover).map(Some),
    });
    Some(CoursePagePatch {
        language: language?,
        level: level?,
        title: title?,
        summary: summary?,
        description: description?,
        tags: tags?,
        cover: cover?,
    })
}

/// The page of a new course.
pub(super) fn new_course(sent: &Course) -> Result<CoursePage, Invalid> {
    let mut fields = Fields::new();
    let changes = course_changes(&mut fields, sent, None);
    let (changes,) = fields.finish((changes,))?;
    let missing = |field: &str| Invalid::field(format!("course.{field}"), "is required");
    Ok(CoursePage {
        language: changes.language.ok_or_else(|| missing("language"))?,
        level: changes.level.flatten(),
        title: changes.title.ok_or_else(|| missing("title"))?,
        summary: changes.summary.ok_or_else(|| missing("summary"))?,
        description: changes.description.ok_or_else(|| missing("description"))?,
        tags: changes.tags.unwrap_or_default(),
        cover: changes.cover.flatten(),
    })
}

const RUN: [&str; 7] =
    ["title", "pacing", "sequence", "starts_at", "ends_at", "enrolment_starts_at", "enrolment_ends_at"];

/// What an update of a run changes; everything for an empty mask.
pub(super) fn run_changes(fields: &mut Fields, sent: &Run, mask: Option<FieldMask>) -> Option<RunPlanPatch> {
    let mask = Mask::read(fields, mask, &RUN);
    let title = mask.take(fields, "run", "title", || Title::parse(&sent.title));
    let pacing = mask.take(fields, "run", "pacing", || pacing(sent.pacing));
    let sequence = mask.take(fields, "run", "sequence", || sequence(sent.sequence));
    let mut date = |field: &str, at| match mask.names(field) {
        true => instant(fields, &format!("run.{field}"), at).map(Some),
        false => Some(None),
    };
    let starts_at = date("starts_at", sent.starts_at);
    let ends_at = date("ends_at", sent.ends_at);
    let enrolment_starts_at = date("enrolment_starts_at", sent.enrolment_starts_at);
    let enrolment_ends_at = date("enrolment_ends_at", sent.enrolment_ends_at);
    Some(RunPlanPatch {
        title: title?,
        pacing: pacing?,
        sequence: sequence?,
        lessons: WindowPatch { starts_at: starts_at?, ends_at: ends_at? },
        enrolment: WindowPatch { starts_at: enrolment_starts_at?, ends_at: enrolment_ends_at? },
    })
}

fn pacing(number: i32) -> Result<Pacing, &'static str> {
    match run::Pacing::try_from(number) {
        Ok(run::Pacing::Unspecified | run::Pacing::SelfPaced) => Ok(Pacing::SelfPaced),
        Ok(run::Pacing::Scheduled) => Ok(Pacing::Scheduled),
        Err(_) => Err("expected a pacing that this version knows"),
    }
}

fn sequence(number: i32) -> Result<Sequence, &'static str> {
    match run::Sequence::try_from(number) {
        Ok(run::Sequence::Unspecified | run::Sequence::Free) => Ok(Sequence::Free),
        Ok(run::Sequence::LessonByLesson) => Ok(Sequence::LessonByLesson),
        Ok(run::Sequence::SectionBySection) => Ok(Sequence::SectionBySection),
        Err(_) => Err("expected a sequence that this version knows"),
    }
}
