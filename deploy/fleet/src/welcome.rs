//! What `cargo fleet up` says when everything runs: addresses, sign-ins and what to try next.

use anyhow::Result;
use serde_json::{Map, json};

use crate::home::write_json;
use crate::people::{Member, PASSWORD, members};
use crate::plan::Plan;
use crate::process::this_program;
use crate::progress::Table;
use crate::service::SERVICES;

/// Writes what other programs need to find the fleet: the journeys, for example.
pub(crate) fn write_addresses(plan: &Plan) -> Result<()> {
    let account = |person: &Member| json!({"role": person.role, "email": person.email, "password": PASSWORD});
    let people: Vec<_> = members(&plan.home)?.iter().map(account).collect();
    let mut fleet = json!({"gateway": plan.public_url()?, "sandbox": plan.sandbox_url()?, "people": people});
    if plan.home.is_for_tests() {
        // The chaos looks into the databases, kills processes and calls the launcher.
        let owners = SERVICES.iter().filter(|service| service.database).map(|service| service.name);
        let url = |owner: &str| {
            plan.database_password(owner).map(|password| plan.stores.postgres_of(owner).url(owner, password))
        };
        let databases = owners.map(|owner| Ok((owner.to_owned(), url(owner)?.into())));
        fleet["databases"] = databases.collect::<Result<Map<_, _>>>()?.into();
        fleet["home"] = json!(plan.home.dir());
        fleet["launcher"] = json!(this_program()?);
    }
    write_json(&plan.home.path("fleet.json"), &fleet)
}

/// Prints it.
pub(crate) fn print(plan: &Plan) -> Result<()> {
    let (door, outside) = (plan.public_url()?, plan.sandbox_url()?);
    let mut addresses = Table::new(&["Addresses", ""]);
    addresses.row(["REST API".to_owned(), format!("{door}/v1")]);
    addresses.row(["API browser".to_owned(), format!("{door}/docs")]);
    addresses.row(["the bank, and the mail that is sent".to_owned(), outside]);
    addresses.row(["RabbitMQ (lyceum)".to_owned(), plan.stores.rabbitmq.management_url()]);
    let mut people = Table::new(&["Sign in as", ""]);
    for person in members(&plan.home)? {
        people.row([person.email.clone(), format!("{}, {}", person.role, person.name)]);
    }
    print!("{}\n{}", addresses.render(), people.render());
    println!("  password of all: {PASSWORD}; promo code: START10\n");
    println!("  Try");
    println!("    cargo fleet demo                      the main journey, step by step");
    println!("    curl '{door}/v1/courses?language=ru'");
    println!("    cargo fleet psql courses              the tables behind it");
    println!("    cargo fleet logs -f gateway           what happens meanwhile\n");
    Ok(())
}
