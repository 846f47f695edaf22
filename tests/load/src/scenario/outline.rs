//! The outline of a hundred lessons with rules of access and progress, as an enrolled learner sees it.

use anyhow::Result;
use people::School;
use proto::lyceum::courses::v1::run::Sequence;
use proto::lyceum::courses::v1::{CompleteLessonRequest, LessonProgress};

use super::course::{Course, LESSONS};
use crate::{
    drive::{self, Load},
    fleet::Fleet,
    reference::Reference,
    report::{Report, Target},
};

pub(super) async fn run(fleet: &Fleet) -> Result<Report> {
    let school = School::of_tests()?;
    let course = Course::publish(&school, "Замер оглавления", Sequence::LessonByLesson).await?;
    let learner = school.learner().await?;
    course.enrol(&school, &learner).await?;
    // A learner who is on the way: the first lesson is done, the others wait for one another.
    let outline = learner.outline(&course.run_id).await?;
    if let Some(first) = outline.sections.first().and_then(|section| section.lessons.first()) {
        let (run_id, lesson_id) = (course.run_id.clone(), first.lesson_id.clone());
        let _: LessonProgress = learner.call(&CompleteLessonRequest { run_id, lesson_id }).await?;
    }
    let (path, token) = (format!("/v1/runs/{}/outline", course.run_id), learner.token().await);
    let processes = fleet.processes(&["gateway", "courses"])?;
    let ours = drive::closed_watched(&fleet.gateway, Load::default(), &processes, move |_| drive::get(&path, &token));
    let (outcome, cpu) = ours.await?;
    let reference = Reference::start(fleet).await?;
    let path = format!("/outline/{}/{}", learner.user_id, course.run_id);
    let theirs = [reference.process.clone()];
    let bare = drive::closed_watched(&reference.url, Load::default(), &theirs, move |_| drive::get(&path, "")).await?;
    let row = outcome.row_with_cpu("fleet", &cpu);
    let courses_cpu = row.get("courses CPU").unwrap_or(u64::MAX);
    let targets = vec![
        Target::new("1,500 requests a second or more", outcome.per_second() >= 1500),
        Target::new("p99 below 25 ms", outcome.percentile(99) < 25_000),
        Target::new("service CPU below 0.5 ms", courses_cpu < 500),
    ];
    Ok(Report {
        scenario: "outline",
        about: format!("GET /v1/runs/…/outline of {LESSONS} lessons as an enrolled learner, 16 connections"),
        rows: vec![row, bare.0.row_with_cpu("reference", &bare.1)],
        targets,
    })
}
