//! Where the real PostgreSQL, Redis, RabbitMQ and S3 server of the tests listen.

use std::{env, fs, path::PathBuf, sync::OnceLock};

use uuid::Uuid;

/// Addresses of the stores that tests share.
#[derive(Debug, Clone, serde::Deserialize)]
pub struct Stores {
    /// A PostgreSQL superuser's address of the database `postgres`.
    pub postgres: String,
    /// A pooler before it, in transaction mode: where there is one, everything but the making of databases goes through
    /// it.
    #[serde(default)]
    pub pooler: Option<String>,
    /// Redis.
    pub redis: String,
    /// RabbitMQ's default virtual host; its user may create others.
    pub amqp: String,
    /// RabbitMQ's management API.
    pub rabbitmq_management: String,
    /// The S3 server.
    pub s3: S3,
}

/// How the S3 server is reached, path-style. The key may make buckets; a test makes one of its own.
#[derive(Debug, Clone, serde::Deserialize)]
pub struct S3 {
    pub url: String,
    pub region: String,
    pub access_key: String,
    pub secret_key: String,
}

/// The stores named by the file in `LYCEUM_STORES`, else by `.fleet/stores.json` in this or a parent folder.
pub fn stores() -> &'static Stores {
    static STORES: OnceLock<Stores> = OnceLock::new();
    STORES.get_or_init(|| {
        let path = env::var_os("LYCEUM_STORES").map(PathBuf::from).or_else(found_upwards);
        let path = path.expect("no stores are running for the tests: run `cargo fleet stores` first");
        let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("cannot read {}: {e}", path.display()));
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("{} is not a list of stores: {e}", path.display()))
    })
}

fn found_upwards() -> Option<PathBuf> {
    let here = env::current_dir().ok()?;
    here.ancestors().map(|dir| dir.join(".fleet/stores.json")).find(|path| path.is_file())
}

/// A prefix for the keys of one test in the shared Redis.
pub fn redis_prefix() -> String {
    format!("test-{}:", Uuid::new_v4().simple())
}
