//! The public catalogue page: the first fifty courses.

use anyhow::Result;

use crate::{
    drive::{self, Load},
    fleet::Fleet,
    reference::Reference,
    report::Report,
};

pub(super) async fn run(fleet: &Fleet) -> Result<Report> {
    let processes = fleet.processes(&["gateway", "courses"])?;
    let ours = drive::closed_watched(&fleet.gateway, Load::default(), &processes, |_| drive::get("/v1/courses", ""));
    let (outcome, cpu) = ours.await?;
    let reference = Reference::start(fleet).await?;
    let theirs = [reference.process.clone()];
    let bare = drive::closed_watched(&reference.url, Load::default(), &theirs, |_| drive::get("/courses", "")).await?;
    Ok(Report {
        scenario: "catalogue",
        about: "GET /v1/courses as a visitor, 16 connections".into(),
        rows: vec![outcome.row_with_cpu("fleet", &cpu), bare.0.row_with_cpu("reference", &bare.1)],
        targets: vec![],
    })
}
