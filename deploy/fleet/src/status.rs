//! What runs: `cargo fleet status`, and stopping it: `cargo fleet down`.

use std::time::Duration;

use anyhow::Result;
use serde_json::{Map, Value};

use crate::home::{Home, Other, read_json};
use crate::ledger::{self, Record, Role};
use crate::progress::{Table, step};
use crate::stores;
use crate::supervisor::Supervisor;
use crate::web;

/// Prints a table of everything that was started and not stopped.
pub(crate) async fn status(home: &Home) -> Result<()> {
    let mut records = ledger::read(home)?;
    // A launcher that was killed says nothing about what it left running.
    records.retain(|record| record.role != Role::Launcher || record.identity.is_alive());
    if records.is_empty() {
        println!("Nothing runs here. Start with `cargo fleet up`.");
        return Ok(());
    }
    let mut table = Table::new(&["NAME", "STATE", "PID", "PORTS", "MEMORY", "UP", "RESTARTS"]);
    let mut services_kib = 0;
    for record in &records {
        let alive = record.identity.is_alive();
        let memory = record.identity.memory_kib().filter(|_| alive);
        if record.role == Role::Service {
            services_kib += memory.unwrap_or_default();
        }
        let ports: Vec<String> = record.ports.iter().map(u16::to_string).collect();
        table.row([
            record.name.clone(),
            state(record, alive).await.to_owned(),
            record.identity.pid.to_string(),
            ports.join(" "),
            memory.map(mebibytes).unwrap_or_default(),
            record.identity.uptime_seconds().filter(|_| alive).map(uptime).unwrap_or_default(),
            Some(record.restarts).filter(|count| *count > 0).map(|count| count.to_string()).unwrap_or_default(),
        ]);
    }
    println!("{}", table.render());
    let addresses: Option<Map<String, Value>> = read_json(&home.path("stores.json"))?;
    if let Some(Value::Object(versions)) = addresses.as_ref().and_then(|stores| stores.get("versions")) {
        let version = |(store, version): (&String, &Value)| format!("{store} {}", version.as_str().unwrap_or_default());
        println!("  the stores: {}", versions.iter().map(version).collect::<Vec<_>>().join(", "));
    }
    if services_kib > 0 {
        println!("  the services together: {}", mebibytes(services_kib));
    }
    if let Some(crashed) = records.iter().find(|record| !record.identity.is_alive()) {
        println!("\n  {} crashed: see `cargo fleet logs {}`", crashed.name, crashed.name);
    }
    Ok(())
}

async fn state(record: &Record, alive: bool) -> &'static str {
    match (alive, record.admin) {
        (false, _) => "crashed",
        (true, None) => "running",
        (true, Some(admin)) if is_ready(admin).await => "ready",
        (true, Some(_)) => "not ready",
    }
}

/// Whether the service behind this admin port says that it serves.
pub(crate) async fn is_ready(admin: u16) -> bool {
    web::is_well(format!("http://127.0.0.1:{admin}/readyz"), Duration::from_secs(2)).await
}

/// Stops everything, whichever command started it.
pub(crate) async fn down(home: &Home) -> Result<()> {
    stop_leftovers_of_tests(home).await?;
    let records = ledger::read(home)?;
    if records.iter().all(|record| !record.identity.is_alive()) {
        for record in records {
            ledger::remove(home, &record.name)?;
        }
        println!("Nothing was running.");
        return Ok(());
    }
    step("stopping", async |note| {
        let killed = Supervisor::new(home).stop_all().await?;
        if !killed.is_empty() {
            note.set(format!("{} did not stop in time and had to be killed", killed.join(", ")));
        }
        Ok(())
    })
    .await?;
    stores::forget_addresses(home);
    println!("Everything is stopped; its state is kept for the next `cargo fleet up`.");
    Ok(())
}

/// What a test run left that was killed; one that is under way stays.
async fn stop_leftovers_of_tests(home: &Home) -> Result<()> {
    for fleet in Other::ALL.map(|which| home.other(which)) {
        if fleet.dir().exists()
            && let Ok(_lock) = fleet.lock()
        {
            Supervisor::new(&fleet).stop_all().await?;
        }
    }
    Ok(())
}

fn mebibytes(kib: u64) -> String {
    format!("{}.{} MiB", kib / 1024, kib % 1024 * 10 / 1024)
}

fn uptime(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..86_400 => format!("{} h {:02} min", seconds / 3_600, seconds / 60 % 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds / 3_600 % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_and_time_are_shown_as_people_read_them() {
        assert_eq!(mebibytes(25_088), "24.5 MiB");
        assert_eq!([59, 61, 3_720, 90_000].map(uptime), ["59 s", "1 min", "1 h 02 min", "1 d 1 h"]);
    }
}
