//! What people do, for programs that are not written in Rust and for whoever sits at a terminal: `cargo fleet demo` and `seed` call
//! it, and so does the drill.

mod demo;
mod demo_school;
mod seed;
mod timeline;

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Result;
use clap::{Parser, Subcommand};
use people::{Newcomer, Pace, School};

use crate::demo_school::DemoSchool;
use crate::timeline::{Lines, Timeline};

/// Plays what people do at a school.
#[derive(Debug, Parser)]
struct Arguments {
    /// The public door.
    #[arg(long, global = true, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    gateway: String,
    /// The sandbox.
    #[arg(long, global = true, value_name = "URL", default_value = "http://127.0.0.1:8025")]
    sandbox: String,
    /// Print each step as a line of JSON, with the ids that it brought.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make the demo school.
    Seed {
        /// How the program of users is called, such as `kubectl exec -i deploy/lyceum-users -- /users`.
        #[arg(long, value_name = "COMMAND")]
        users: String,
    },
    /// Somebody finds a course, buys it, learns it to the end and holds a certificate; then the manager's report.
    Demo,
    /// Somebody new opens an account, buys a product and is enrolled.
    Enrol {
        /// Which product.
        #[arg(long)]
        product: String,
    },
    /// Somebody who has an account buys a product.
    Buy {
        /// Whose account.
        #[arg(long, value_name = "EMAIL")]
        of: String,
        /// Which product.
        #[arg(long)]
        product: String,
    },
    /// Erase people: oneself, or others as the demo school's administrator.
    Erase {
        /// Whose own account.
        #[arg(long, value_name = "EMAIL")]
        of: Option<String>,
        /// Ids of others.
        users: Vec<String>,
    },
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("people: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<()> {
    let Arguments { gateway, sandbox, json, command } = arguments;
    let demo_school = DemoSchool::read()?;
    let school = School::at(&gateway, &sandbox, demo_school.accounts(), Pace::CALM)?;
    let school = if json { school.with_listener(Arc::new(Lines)) } else { school };
    match command {
        Command::Seed { users } => seed::make(&demo_school, &school, &users).await,
        Command::Demo if json => demo::play(&school, &demo_school).await,
        Command::Demo => {
            println!("\nThe main journey, through {gateway}\n");
            let timeline = Arc::new(Timeline::begin());
            demo::play(&school.with_listener(timeline.clone()), &demo_school).await?;
            timeline.end();
            println!("The steps of a trace, through every service: curl {sandbox}/control/traces/TRACE");
            Ok(())
        }
        Command::Enrol { product } => enrol(&school, &product).await,
        Command::Buy { of, product } => {
            school.sign_in(&of, people::PASSWORD).await?.buy(&product, "").await?;
            Ok(())
        }
        Command::Erase { of: Some(email), .. } => {
            let person = school.sign_in(&email, people::PASSWORD).await?;
            person.erase(&person.user_id).await
        }
        Command::Erase { of: None, users } => {
            let administrator = school.staff("admin").await?;
            for user in users {
                administrator.erase(&user).await?;
            }
            Ok(())
        }
    }
}

async fn enrol(school: &School, product: &str) -> Result<()> {
    let learner = school.welcome(&Newcomer::called("drill", "Вера Соколова")).await?;
    let order = learner.buy(product, "").await?;
    let runs = order.items.iter().flat_map(|item| &item.grants).map(|grant| &grant.run_id);
    for run_id in runs {
        learner.become_enrolled(run_id).await?;
    }
    Ok(())
}
