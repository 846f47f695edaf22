//! Private instances of PostgreSQL, Redis, RabbitMQ and SeaweedFS, on ports of 127.0.0.1, with durability on.

mod debian;
mod postgres;
mod rabbitmq;
mod redis;
pub(crate) mod seaweedfs;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use serde::Serialize;

pub(crate) use self::debian::{UNPACKER, Versions};
pub(crate) use self::postgres::Postgres;
pub(crate) use self::rabbitmq::{DOCUMENT_SYSTEM, Rabbitmq, VHOST};
pub(crate) use self::redis::Redis;
use self::seaweedfs::S3Address;
pub(crate) use self::seaweedfs::{BUCKET, REGION, Seaweedfs};
use crate::account::{self, Account};
use crate::home::{Home, State, write_json};
use crate::ledger::{self, Role};
use crate::port;
use crate::progress::step;
use crate::supervisor::{Launch, Supervisor};

/// How long a store may take to start: generous, for a busy machine that recovers a big log.
const START_LIMIT: Duration = Duration::from_secs(120);
/// The superuser of every store.
const USER: &str = "lyceum";

/// Where the stores lie and under whom they run.
#[derive(Debug)]
struct Place {
    folder: PathBuf,
    account: Option<Account>,
    /// The other Debian release whose programs they are.
    root: Option<PathBuf>,
}

impl Place {
    /// A folder of one store, owned by the stores' user and closed to others.
    fn folder(&self, name: &str) -> Result<PathBuf> {
        use std::os::unix::fs::PermissionsExt;
        let folder = self.folder.join(name);
        std::fs::create_dir_all(&folder)?;
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o700))?;
        if let Some(account) = &self.account {
            account.own(&folder)?;
        }
        Ok(folder)
    }

    /// Where the programs lie.
    fn root(&self) -> &Path {
        self.root.as_deref().unwrap_or(Path::new("/"))
    }

    /// A store's program in its folder, as the stores' user.
    fn launch(&self, name: &str, program: impl Into<PathBuf>, folder: &Path, ports: &[u16]) -> Launch {
        let launch = Launch::new(name, Role::Store, program, folder);
        Launch { account: self.account.clone(), root: self.root.clone(), ports: ports.to_vec(), ..launch }
    }

    /// A file in a store's folder, with secrets in it.
    fn write(&self, path: &Path, text: &str) -> Result<()> {
        crate::home::write_private(path, text.as_bytes())?;
        if let Some(account) = &self.account {
            account.own(path)?;
        }
        Ok(())
    }
}

/// The stores of a fleet.
#[derive(Clone, Debug)]
pub(crate) struct Stores {
    pub(crate) postgres: Postgres,
    /// By service: the database servers beside it.
    pub(crate) apart: BTreeMap<&'static str, Postgres>,
    pub(crate) redis: Redis,
    pub(crate) rabbitmq: Rabbitmq,
    pub(crate) seaweedfs: Seaweedfs,
}

impl Stores {
    /// The stores of a fleet that was started before, by what is remembered of it.
    pub(crate) fn remembered(home: &Home, state: &State) -> Result<Self> {
        let port = |purpose: &str| {
            state.ports.get(purpose).copied().with_context(|| format!("there is no port for {purpose}"))
        };
        let password =
            |name: &str| state.secrets.get(name).cloned().with_context(|| format!("there is no password of {name}"));
        let server = |name: String| anyhow::Ok(Postgres { port: port(&name)?, password: password(&name)?, name });
        let mut seaweedfs_ports = [0; seaweedfs::PORTS.len()];
        for (found, purpose) in seaweedfs_ports.iter_mut().zip(seaweedfs::PORTS) {
            *found = port(purpose)?;
        }
        let apart = home.servers_apart().iter().map(|service| Ok((*service, server(server_of(service))?)));
        Ok(Self {
            apart: apart.collect::<Result<_>>()?,
            postgres: server("postgres".to_owned())?,
            redis: Redis { port: port("redis")?, password: password("redis")? },
            rabbitmq: Rabbitmq {
                amqp: port("rabbitmq.amqp")?,
                management: port("rabbitmq.management")?,
                metrics: port("rabbitmq.metrics")?,
                distribution: port("rabbitmq.distribution")?,
                names: port("rabbitmq.names")?,
                password: password("rabbitmq")?,
            },
            seaweedfs: Seaweedfs { ports: seaweedfs_ports, password: password("seaweedfs")? },
        })
    }

    /// Where a service's database is.
    pub(crate) fn postgres_of(&self, service: &str) -> &Postgres {
        self.apart.get(service).unwrap_or(&self.postgres)
    }

    /// Every database server.
    pub(crate) fn servers(&self) -> impl Iterator<Item = &Postgres> {
        std::iter::once(&self.postgres).chain(self.apart.values())
    }
}

/// What a server is called that stands apart for one service.
fn server_of(service: &str) -> String {
    format!("postgres-{service}")
}

/// The processes that hold data.
pub(crate) const NAMES: [&str; 4] = ["postgres", "redis", "rabbitmq", "seaweedfs"];

/// By the process that listens there: what the ports of the stores are for.
const DOORS: [(&str, &[&str]); 5] = [
    ("postgres", &["postgres"]),
    ("redis", &["redis"]),
    ("epmd", &["rabbitmq.names"]),
    ("rabbitmq", &["rabbitmq.amqp", "rabbitmq.management", "rabbitmq.metrics", "rabbitmq.distribution"]),
    ("seaweedfs", &seaweedfs::PORTS),
];

/// How tests reach the stores; they find it in `.fleet/stores.json`.
#[derive(Debug, Serialize)]
struct Addresses {
    postgres: String,
    redis: String,
    amqp: String,
    rabbitmq_management: String,
    s3: S3Address,
    /// By store.
    versions: BTreeMap<&'static str, String>,
}

/// Starts the stores that do not run, and waits until all of them answer.
pub(crate) async fn start(home: &Home, state: &mut State, supervisor: &mut Supervisor) -> Result<Stores> {
    // Before anything is started, because it may have to be fetched first.
    if ledger::running(home, "seaweedfs")?.is_none() {
        seaweedfs::provide(home).await?;
    }
    let account = Account::for_stores()?;
    state.versions = Versions::of(home, state)?;
    let root = match state.versions {
        Some(versions) => Some(versions.unpack(home).await?),
        None => None,
    };
    let place = Place { folder: account::data_folder(home, account.as_ref())?, account, root };
    for (process, purposes) in DOORS {
        // The port of a process that runs is taken, by itself.
        if ledger::running(home, process)?.is_none() {
            for purpose in purposes {
                port::assign(home, state, purpose)?;
            }
        }
    }
    for service in home.servers_apart() {
        let name = server_of(service);
        if ledger::running(home, &name)?.is_none() {
            port::assign(home, state, &name)?;
        }
        state.secret(&name)?;
    }
    for name in NAMES {
        state.secret(name)?;
    }
    state.save(home)?;
    let stores = Stores::remembered(home, state)?;
    let mut versions = BTreeMap::new();
    // RabbitMQ takes longest to start, so it starts first and is waited for last.
    stores.rabbitmq.start(&place, home, supervisor).await?;
    stores.seaweedfs.start(&place, home, supervisor).await?;
    step("PostgreSQL", async |note| {
        let mut addresses = Vec::new();
        for server in stores.servers() {
            versions.insert("PostgreSQL", server.start(&place, home, supervisor).await?);
            addresses.push(format!("127.0.0.1:{}", server.port));
        }
        note.set(format!("{}: {}", versions["PostgreSQL"], addresses.join(", ")));
        Ok(())
    })
    .await?;
    step("Redis", async |note| {
        versions.insert("Redis", stores.redis.start(&place, home, supervisor).await?);
        note.set(format!("{}: 127.0.0.1:{}", versions["Redis"], stores.redis.port));
        Ok(())
    })
    .await?;
    step("SeaweedFS (S3)", async |note| {
        stores.seaweedfs.wait(supervisor).await?;
        note.set(format!("127.0.0.1:{}", stores.seaweedfs.ports[0]));
        Ok(())
    })
    .await?;
    step("RabbitMQ", async |note| {
        let (broker, version) = (&stores.rabbitmq, stores.rabbitmq.wait(supervisor).await?);
        note.set(format!("{version}: 127.0.0.1:{}, management 127.0.0.1:{}", broker.amqp, broker.management));
        versions.insert("RabbitMQ", version);
        Ok(())
    })
    .await?;
    let addresses = Addresses {
        postgres: stores.postgres.superuser_url("postgres"),
        redis: stores.redis.url(),
        amqp: stores.rabbitmq.url("%2f"),
        rabbitmq_management: stores.rabbitmq.management_url(),
        s3: stores.seaweedfs.address(),
        versions,
    };
    write_json(&home.path("stores.json"), &addresses)?;
    Ok(stores)
}

/// Tells tests that the stores are gone.
pub(crate) fn forget_addresses(home: &Home) {
    drop(std::fs::remove_file(home.path("stores.json")));
}
