//! The demo school comes into being: people by the operator's command, everything else through the public API.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::home::Home;
use crate::plan::Plan;
use crate::progress::step;
use crate::rest::{Refused, Rest, eventually, list, text};
use crate::school::{Course, PASSWORD, Person, School};
use crate::service::SERVICES;

/// How long payments may take to hear of a run that was published.
const HEARD: Duration = Duration::from_secs(30);

/// Makes the demo school unless this fleet has one; gives the plan back with what it remembers.
pub(crate) async fn once(mut plan: Plan, users: &Path) -> Result<Plan> {
    if plan.state.seeded.is_some() {
        return Ok(plan);
    }
    let service = SERVICES.iter().find(|service| service.name == "users").context("there is no service named users")?;
    let launch = plan.launch(service, users.to_owned())?;
    let school = School::read(&plan.home)?;
    create(&school, &plan.public_url()?, || launch.command()).await?;
    plan.state.seeded = Some(school.version);
    plan.state.save(&plan.home)?;
    Ok(plan)
}

/// Makes the demo school in a fleet that this launcher did not start; what is there already is left as it is.
pub(crate) async fn elsewhere(home: &Home, gateway: &str, users: &str) -> Result<()> {
    let mut words = users.split_whitespace();
    let program = words.next().context("the command of users is empty")?;
    let arguments: Vec<&str> = words.collect();
    let command = || {
        let mut command = Command::new(program);
        command.args(&arguments);
        command
    };
    create(&School::read(home)?, gateway, command).await
}

/// Makes the school; `users` is the operator's command.
async fn create(school: &School, gateway: &str, users: impl Fn() -> Command) -> Result<()> {
    step("demo school", async |note| {
        for person in &school.people {
            note.set(person.email.as_str());
            create_person(users(), person).await?;
        }
        let mut manager = Rest::new(gateway)?;
        manager.sign_in(&school.person("manager")?.email, PASSWORD).await?;
        for course in &school.courses {
            note.set(course.product.title.as_str());
            create_course(&manager, course).await?;
        }
        create_promo_codes(&manager, &school.promo_codes).await?;
        note.set(format!("{} people, {} courses", school.people.len(), school.courses.len()));
        Ok(())
    })
    .await
}

/// Makes an account with a confirmed address: the operator's way, because a new school has nobody yet who could give roles.
async fn create_person(mut command: Command, person: &Person) -> Result<()> {
    command.args(["create-user", "--email", &person.email, "--role", &person.role]);
    command.args(["--display-name", &person.name, "--language", &person.language, "--password-stdin"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().context("cannot start users")?;
    child.stdin.take().context("users takes no input")?.write_all(format!("{PASSWORD}\n").as_bytes()).await?;
    // An account that is there already, because an earlier seeding was cut short, is left as it is.
    let output = child.wait_with_output().await?;
    if !output.status.success() {
        let said = [output.stdout, output.stderr].concat();
        bail!("`users create-user` for {} failed: {}", person.email, String::from_utf8_lossy(&said).trim());
    }
    Ok(())
}

/// Makes, fills and publishes a course with a run and a product, unless there is one of this title.
async fn create_course(manager: &Rest, course: &Course) -> Result<()> {
    let title = text(&course.course, "title")?;
    let existing = manager.get("/v1/authoring/courses").await?;
    let found = list(&existing, "courses").iter().find(|card| card["title"] == title);
    let course_id = match found {
        Some(card) => text(card, "courseId")?.to_owned(),
        None => text(&manager.post("/v1/authoring/courses", json!({"course": course.course})).await?, "courseId")?
            .to_owned(),
    };
    let authoring = format!("/v1/authoring/courses/{course_id}");
    let draft = manager.get(&format!("{authoring}/draft")).await?;
    if list(&draft, "sections").is_empty() {
        manager.put(&format!("{authoring}/draft"), json!({"sections": course.sections})).await?;
    }
    manager.post(&format!("{authoring}/publish"), json!({})).await?;
    let runs = manager.get(&format!("{authoring}/runs")).await?;
    let run = match list(&runs, "runs").first() {
        Some(run) => run.clone(),
        None => manager.post(&format!("{authoring}/runs"), json!({"run": course.run})).await?,
    };
    let run_id = text(&run, "runId")?;
    manager.post(&format!("/v1/authoring/runs/{run_id}/publish"), json!({})).await?;
    let products = manager.get(&format!("/v1/products?courseId={course_id}")).await?;
    if list(&products, "products").is_empty() {
        create_product(manager, course, run_id).await?;
    }
    Ok(())
}

/// Payments hears of a published run by an event, so a first try may come too early.
async fn create_product(manager: &Rest, course: &Course, run_id: &str) -> Result<()> {
    let mut grant = json!({"runId": run_id});
    if let Some(duration) = &course.product.access_duration {
        grant["accessDuration"] = json!(duration);
    }
    let product = json!({
        "title": course.product.title,
        "description": course.product.description,
        "grants": [grant],
        "prices": [{"amount": course.product.price}],
    });
    eventually("that payments hears of the published run", HEARD, async || {
        match manager.post("/v1/products", product.clone()).await {
            Ok(_) => Ok(Some(())),
            Err(error) if refusal(&error) == Some("RUN_UNKNOWN") => Ok(None),
            Err(error) => Err(error),
        }
    })
    .await
}

async fn create_promo_codes(manager: &Rest, promo_codes: &[Value]) -> Result<()> {
    for promo_code in promo_codes {
        match manager.post("/v1/promo-codes", promo_code.clone()).await {
            Err(error) if refusal(&error) != Some("PROMO_CODE_TAKEN") => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

fn refusal(error: &anyhow::Error) -> Option<&str> {
    error.downcast_ref::<Refused>().map(|refused| refused.code.as_str())
}
