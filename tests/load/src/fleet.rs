//! The fleet that is driven: its addresses, its processes and its databases, from the files that `cargo fleet` writes.

use std::{env, fs, path::PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use sqlx::{PgPool, postgres::PgPoolOptions};
use url::Url;

use crate::process::Process;

/// What is known of the running fleet.
#[derive(Debug, Clone)]
pub struct Fleet {
    /// The public door.
    pub gateway: Url,
    /// The addresses of the stores.
    pub stores: Stores,
    processes: Vec<Process>,
}

/// The stores, as `stores.json` names them.
#[derive(Debug, Clone, Deserialize)]
pub struct Stores {
    /// PostgreSQL, as its superuser.
    #[serde(deserialize_with = "url")]
    pub postgres: Url,
    /// RabbitMQ.
    #[serde(deserialize_with = "url")]
    pub amqp: Url,
    /// RabbitMQ's management API.
    #[serde(deserialize_with = "url")]
    pub rabbitmq_management: Url,
}

#[derive(Deserialize)]
struct Addresses {
    #[serde(deserialize_with = "url")]
    gateway: Url,
}

#[derive(Deserialize)]
struct Record {
    name: String,
    pid: u32,
}

impl Fleet {
    /// The fleet whose addresses stand in the file that `LYCEUM_FLEET` names; its other files lie beside it.
    pub fn find() -> Result<Self> {
        let path = PathBuf::from(env::var_os("LYCEUM_FLEET").context("no fleet to drive: run `cargo fleet bench`")?);
        let addresses: Addresses = read(path.clone())?;
        let stores: Stores = read(path.with_file_name("stores.json"))?;
        let records: Vec<Record> = read(path.with_file_name("processes.json"))?;
        let processes = records.into_iter().map(|record| Process { name: record.name, pid: record.pid }).collect();
        Ok(Self { gateway: addresses.gateway, stores, processes })
    }

    /// Only the public door: a fleet that runs elsewhere has no processes here.
    pub fn gateway() -> Result<Url> {
        let path = env::var_os("LYCEUM_FLEET").context("no fleet to drive: LYCEUM_FLEET is not set")?;
        let addresses: Addresses = read(PathBuf::from(path))?;
        Ok(addresses.gateway)
    }

    /// A process of the fleet.
    pub fn process(&self, name: &str) -> Result<Process> {
        let found = self.processes.iter().find(|process| process.name == name).cloned();
        found.with_context(|| format!("the fleet has no process named {name}"))
    }

    /// Some processes of the fleet.
    pub fn processes(&self, names: &[&str]) -> Result<Vec<Process>> {
        names.iter().map(|name| self.process(name)).collect()
    }

    /// A database, as the superuser.
    pub fn database_url(&self, name: &str) -> Url {
        let mut url = self.stores.postgres.clone();
        url.set_path(name);
        url
    }

    /// The part of the broker that the services use.
    pub fn broker_url(&self) -> Url {
        let mut url = self.stores.amqp.clone();
        url.set_path("/lyceum");
        url
    }

    /// A few connections to a database.
    pub async fn database(&self, name: &str) -> Result<PgPool> {
        let options = PgPoolOptions::new().max_connections(4);
        options.connect(self.database_url(name).as_str()).await.with_context(|| format!("cannot open {name}"))
    }
}

fn read<T: DeserializeOwned>(path: PathBuf) -> Result<T> {
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} makes no sense", path.display()))
}

fn url<'de, D: Deserializer<'de>>(from: D) -> Result<Url, D::Error> {
    String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
}
