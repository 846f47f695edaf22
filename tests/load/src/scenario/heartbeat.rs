//! What video players report, every ten seconds each: a transaction that merges what was watched.

use anyhow::Result;
use people::School;
use proto::lyceum::courses::v1::run::Sequence;
use serde_json::json;

use super::course::{Course, VIDEO_MS};
use crate::{
    drive::{self, Load},
    fleet::Fleet,
    reference::Reference,
    report::Report,
};

/// How many people watch.
const LEARNERS: usize = 8;

struct Watcher {
    learner: String,
    enrolment: String,
    token: String,
}

pub(super) async fn run(fleet: &Fleet) -> Result<Report> {
    let school = School::of_tests()?;
    let course = Course::publish(&school, "Замер просмотра", Sequence::Free).await?;
    let mut watchers = Vec::new();
    for _ in 0..LEARNERS {
        let learner = school.learner().await?;
        let enrolment = course.enrol(&school, &learner).await?;
        let token = learner.token().await;
        watchers.push(Watcher { learner: learner.user_id.clone(), enrolment, token });
    }
    let watchers = std::sync::Arc::new(watchers);
    let processes = fleet.processes(&["gateway", "courses"])?;
    let (course_of, people) = (course.clone(), std::sync::Arc::clone(&watchers));
    let ours = drive::closed_watched(&fleet.gateway, Load::default(), &processes, move |number| {
        let beat = Beat::of(number, &people, &course_of);
        let path = format!("/v1/runs/{}/lessons/{}/heartbeats", course_of.run_id, beat.lesson);
        let body = json!({
            "mediaId": beat.media, "playerId": "bench-player-1", "sequence": (number + 1).to_string(),
            "clientAt": "2026-03-02T09:00:00Z", "position": seconds(beat.to), "duration": seconds(VIDEO_MS),
            "ranges": [{"start": seconds(beat.from), "end": seconds(beat.to)}],
        });
        drive::post(&path, &beat.watcher.token, body.to_string())
    });
    let (outcome, cpu) = ours.await?;
    let reference = Reference::start(fleet).await?;
    let theirs = [reference.process.clone()];
    let bare = drive::closed_watched(&reference.url, Load::default(), &theirs, move |number| {
        let beat = Beat::of(number, &watchers, &course);
        let body = json!({
            "learner": beat.watcher.learner, "enrolment": beat.watcher.enrolment, "lesson": beat.lesson,
            "mediaId": beat.media, "fromMs": beat.from, "toMs": beat.to,
        });
        drive::post("/heartbeat", "", body.to_string())
    })
    .await?;
    Ok(Report {
        scenario: "heartbeat",
        about: format!("POST …/heartbeats of {LEARNERS} learners in turn, 16 connections"),
        rows: vec![outcome.row_with_cpu("fleet", &cpu), bare.0.row_with_cpu("reference", &bare.1)],
        targets: vec![],
    })
}

/// One report: ten seconds further each time, through every video of every learner.
struct Beat<'a> {
    watcher: &'a Watcher,
    lesson: &'a str,
    media: &'a str,
    from: u64,
    to: u64,
}

impl<'a> Beat<'a> {
    fn of(number: u64, watchers: &'a [Watcher], course: &'a Course) -> Self {
        let place = usize::try_from(number).unwrap_or_default();
        let watcher = &watchers[place % watchers.len()];
        let (lesson, media) = &course.videos[place / watchers.len() % course.videos.len()];
        let round = number / (watchers.len() * course.videos.len()) as u64;
        let from = round * 10_000 % (VIDEO_MS - 10_000);
        Self { watcher, lesson, media, from, to: from + 10_000 }
    }
}

fn seconds(millis: u64) -> String {
    format!("{}s", millis / 1000)
}
