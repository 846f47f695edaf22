//! Many people sign in at once while others read: the storm must not take the readers' answers away.

use std::time::Duration;

use anyhow::Result;
use people::{PASSWORD, School};
use proto::lyceum::courses::v1::run::Sequence;
use serde_json::json;

use super::course::Course;
use crate::{
    drive::{self, Load, Outcome},
    fleet::Fleet,
    reference::{self, Reference},
    report::{Report, Target},
};

/// How many accounts sign in in turn; more than a few sign-ins of one account at once look like guessing.
const PEOPLE: usize = 40;

/// Connections that sign in, and connections that read.
const STORM: usize = 8;
const READERS: usize = 4;

pub(super) async fn run(fleet: &Fleet) -> Result<Report> {
    let school = School::of_tests()?;
    let course = Course::publish(&school, "Замер входа", Sequence::Free).await?;
    let learner = school.learner().await?;
    course.enrol(&school, &learner).await?;
    let (path, token) = (format!("/v1/runs/{}/outline", course.run_id), learner.token().await);
    let people = futures::future::try_join_all((0..PEOPLE).map(|_| school.learner())).await?;
    let emails: Vec<String> = people.into_iter().map(|person| person.email).collect();
    let storm = Load { connections: STORM, warm_up: Duration::from_secs(1), duration: Duration::from_secs(8) };
    let reading = Load { connections: READERS, ..storm };

    let read = {
        let (path, token) = (path.clone(), token.clone());
        move |_| drive::get(&path, &token)
    };
    let calm = drive::closed(&fleet.gateway, reading, read.clone()).await?;
    let users = fleet.processes(&["users", "gateway"])?;
    let storming = drive::closed_watched(&fleet.gateway, storm, &users, move |number| {
        let email = &emails[usize::try_from(number).unwrap_or_default() % emails.len()];
        drive::post("/v1/auth/sign-in", "", json!({"email": email, "password": PASSWORD}).to_string())
    });
    let (stormed, beside) = futures::future::try_join(storming, drive::closed(&fleet.gateway, reading, read)).await?;

    let bare = Reference::start(fleet).await?;
    let theirs = [bare.process.clone()];
    let bare_storm =
        drive::closed_watched(&bare.url, storm, &theirs, |_| drive::post("/sign-in", "", reference::PASSWORD));
    let outline = format!("/outline/{}/{}", learner.user_id, course.run_id);
    let bare_reads = drive::closed(&bare.url, reading, move |_| drive::get(&outline, ""));
    let (bare_storm, bare_reads) = futures::future::try_join(bare_storm, bare_reads).await?;
    let rows = vec![
        stormed.0.row_with_cpu("fleet: sign-ins", &stormed.1),
        beside.row("fleet: outlines beside"),
        calm.row("fleet: outlines alone"),
        bare_storm.0.row_with_cpu("reference: sign-ins", &bare_storm.1),
        bare_reads.row("reference: outlines beside"),
    ];
    let targets = vec![Target::new("outlines beside the storm: p99 below 100 ms", p99(&beside) < 100_000)];
    Ok(Report {
        scenario: "sign-in",
        about: format!("{STORM} connections sign in, {READERS} read outlines of 100 lessons"),
        rows,
        targets,
    })
}

fn p99(outcome: &Outcome) -> u64 {
    outcome.percentile(99)
}
