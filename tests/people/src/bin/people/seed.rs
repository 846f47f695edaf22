//! The demo school comes into being: people by the operator's command, everything else through the public API. What is there
//! already, because an earlier seeding was cut short, is left as it is.

use std::io::Write;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use people::{Offer, Person, Refused, School};
use proto::lyceum::courses::v1::{
    Draft, GetDraftRequest, ListAuthoredCoursesRequest, ListAuthoredCoursesResponse, ListAuthoredRunsRequest,
    ListAuthoredRunsResponse,
};
use proto::lyceum::payments::v1::{ListProductsRequest, ListProductsResponse};

use crate::demo_school::{DemoSchool, Member, PASSWORD};

/// Makes the school; `users` is the operator's command.
pub(crate) async fn make(demo_school: &DemoSchool, school: &School, users: &str) -> Result<()> {
    for member in &demo_school.members {
        create_account(users, member)?;
    }
    let manager = school.staff("manager").await?;
    for offer in &demo_school.offers {
        publish(&manager, offer.clone()).await?;
    }
    for promo_code in &demo_school.promo_codes {
        match manager.create_promo_code(promo_code.clone()).await {
            Err(error) if !Refused::is(&error, "PROMO_CODE_TAKEN") => return Err(error),
            _ => {}
        }
    }
    println!("{} people, {} courses", demo_school.members.len(), demo_school.offers.len());
    Ok(())
}

/// Makes an account with a confirmed address: the operator's way, because a new school has nobody yet who could give roles.
fn create_account(users: &str, member: &Member) -> Result<()> {
    let mut words = users.split_whitespace();
    let mut command = Command::new(words.next().context("the command of users is empty")?);
    command.args(words).args(["create-user", "--email", &member.email, "--role", &member.role]);
    command.args(["--display-name", &member.name, "--language", &member.language, "--password-stdin"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().context("cannot start users")?;
    child.stdin.take().context("users takes no input")?.write_all(format!("{PASSWORD}\n").as_bytes())?;
    let output = child.wait_with_output()?;
    if !output.status.success() {
        let said = [output.stdout, output.stderr].concat();
        bail!("`users create-user` for {} failed: {}", member.email, String::from_utf8_lossy(&said).trim());
    }
    Ok(())
}

/// Makes, fills and publishes a course with a run and a product, unless there is one of this title.
async fn publish(manager: &Person, offer: Offer) -> Result<()> {
    let authored: ListAuthoredCoursesResponse = manager.call(&ListAuthoredCoursesRequest::default()).await?;
    let course_id = match authored.courses.into_iter().find(|card| card.title == offer.course.title) {
        Some(card) => card.course_id,
        None => manager.create_course(offer.course).await?,
    };
    let draft: Draft = manager.call(&GetDraftRequest { course_id: course_id.clone(), ..Default::default() }).await?;
    if draft.sections.is_empty() {
        manager.write_draft(&course_id, offer.sections).await?;
    }
    manager.publish_course(&course_id).await?;
    let request = ListAuthoredRunsRequest { course_id: course_id.clone(), ..Default::default() };
    let runs: ListAuthoredRunsResponse = manager.call(&request).await?;
    let run_id = match runs.runs.into_iter().next() {
        Some(run) => run.run_id,
        None => manager.create_run(&course_id, offer.run).await?,
    };
    manager.publish_run(&run_id).await?;
    let request = ListProductsRequest { course_id: Some(course_id), ..Default::default() };
    let products: ListProductsResponse = manager.call(&request).await?;
    if products.products.is_empty() {
        manager.sell(offer.product, &run_id, offer.access).await?;
    }
    Ok(())
}
