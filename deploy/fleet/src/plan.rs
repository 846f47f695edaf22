//! What each program of the fleet is told: its environment, put together from ports, keys and the stores' addresses.

use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::home::{Home, State};
use crate::keys::Keys;
use crate::ledger::Role;
use crate::port;
use crate::sandbox;
use crate::service::{SANDBOX, SERVICES, Service};
use crate::stores::{BUCKET, DOCUMENT_SYSTEM, REGION, Stores, VHOST};
use crate::supervisor::Launch;

/// The school's name at the simulated bank.
pub(crate) const TERMINAL: &str = "LyceumDEMO";
/// Who writes the school's mails.
const MAIL_FROM: &str = "Lyceum <school@lyceum.example>";

/// A fleet whose ports and keys are settled.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) home: Home,
    pub(crate) state: State,
    pub(crate) stores: Stores,
    keys: Keys,
}

impl Plan {
    /// Settles ports, keys and passwords for programs that do not run yet.
    pub(crate) fn new(home: &Home, mut state: State, stores: Stores) -> Result<Self> {
        let keys = Keys::load(home, SERVICES.iter().map(|service| service.name))?;
        for service in SERVICES {
            for door in [service.door(), "admin"] {
                port::assign(home, &mut state, &format!("{}.{door}", service.name))?;
            }
            if service.database {
                state.secret(&format!("database.{}", service.name))?;
            }
        }
        for door in sandbox::DOORS {
            port::assign(home, &mut state, &format!("{SANDBOX}.{door}"))?;
        }
        state.secret("tbank")?;
        state.save(home)?;
        Ok(Self { home: home.clone(), state, stores, keys })
    }

    /// The plan of a fleet that runs.
    pub(crate) fn of_running(home: &Home) -> Result<Self> {
        let state = State::load(home)?;
        let stores = Stores::remembered(home, &state)?;
        let keys = Keys::load(home, SERVICES.iter().map(|service| service.name))?;
        Ok(Self { home: home.clone(), state, stores, keys })
    }

    /// Where the public door is.
    pub(crate) fn public_url(&self) -> Result<String> {
        self.http("gateway.http")
    }

    /// Where the outside world is controlled and its mails are read.
    pub(crate) fn sandbox_url(&self) -> Result<String> {
        self.http("sandbox.http")
    }

    /// The password of a service's role in its database.
    pub(crate) fn database_password(&self, service: &str) -> Result<&str> {
        self.secret(&format!("database.{service}"))
    }

    /// How to start a service.
    pub(crate) fn launch(&self, service: &Service, program: PathBuf) -> Result<Launch> {
        // As in the images: what hashing a password took is given back at once, instead of making room for itself for ever.
        let settings = [("RUST_BACKTRACE", "1"), ("MALLOC_ARENA_MAX", "2"), ("MALLOC_MMAP_THRESHOLD_", "4194304")];
        let mut env: Vec<_> = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        for name in service.variables() {
            env.push((format!("LYCEUM_{name}"), self.value(service.name, name)?));
        }
        if self.home.is_for_tests() {
            // Where the chaos tests say at which point of its work the process dies. Each has a folder of its own.
            let folder = self.home.failpoints(service.name);
            std::fs::create_dir_all(&folder)?;
            env.push(("FAILPOINTS".to_owned(), folder.display().to_string()));
            env.extend(service.test_settings().map(|(name, value)| (format!("LYCEUM_{name}"), value.to_owned())));
        }
        let admin = self.port(&format!("{}.admin", service.name))?;
        let door = self.port(&format!("{}.{}", service.name, service.door()))?;
        let launch = Launch::new(service.name, Role::Service, program, self.home.dir());
        Ok(Launch { env, ports: vec![door, admin], admin: Some(admin), ..launch })
    }

    /// What a variable says to a service.
    fn value(&self, service: &str, variable: &str) -> Result<String> {
        let own = |door: &str| self.port(&format!("{service}.{door}")).map(|port| format!("127.0.0.1:{port}"));
        Ok(match variable {
            "LOG_FORMAT" => "text".to_owned(),
            "OTLP_ENDPOINT" => self.http("sandbox.otlp")?,
            "ADMIN_LISTEN" => own("admin")?,
            "GRPC_LISTEN" => own("grpc")?,
            "HTTP_LISTEN" => own("http")?,
            "DATABASE_URL" => self.stores.postgres_of(service).url(service, self.database_password(service)?),
            // Another company's broker, were it not for this machine.
            "DOCUMENT_SYSTEM_AMQP_URL" => self.stores.rabbitmq.url(DOCUMENT_SYSTEM),
            "AMQP_URL" => self.stores.rabbitmq.url(VHOST),
            "REDIS_URL" => self.stores.redis.url(),
            "ISSUER" | "PUBLIC_URL" => self.public_url()?,
            "SERVICE_KEY" => self.keys.private(service).context("it has no key")?.to_owned(),
            "SERVICE_KEYS" => self.keys.public.clone(),
            "KEY_SECRET" => self.keys.key_secret.clone(),
            "TBANK_URL" => format!("{}/tbank/v2/", self.sandbox_url()?),
            "TBANK_TERMINAL" => TERMINAL.to_owned(),
            "TBANK_PASSWORD" => self.secret("tbank")?.to_owned(),
            // Through the sandbox, which is at fault when a test wants it.
            "S3_URL" => self.http("sandbox.s3")?,
            "S3_REGION" => REGION.to_owned(),
            "S3_BUCKET" => BUCKET.to_owned(),
            "S3_ACCESS_KEY" => self.stores.seaweedfs.access_key(),
            "S3_SECRET_KEY" => self.stores.seaweedfs.secret_key(),
            "SMTP_URL" => format!("smtp://127.0.0.1:{}", self.port("sandbox.smtp")?),
            "MAIL_FROM" => MAIL_FROM.to_owned(),
            // Where another service is: USERS_URL and the like.
            other => {
                let neighbour = other.strip_suffix("_URL").map(str::to_lowercase);
                let neighbour =
                    neighbour.with_context(|| format!("nobody knows what LYCEUM_{other} of {service} should say"))?;
                self.http(&format!("{neighbour}.grpc"))?
            }
        })
    }

    fn http(&self, purpose: &str) -> Result<String> {
        Ok(format!("http://127.0.0.1:{}", self.port(purpose)?))
    }

    pub(crate) fn port(&self, purpose: &str) -> Result<u16> {
        self.state.ports.get(purpose).copied().with_context(|| format!("there is no port for {purpose}"))
    }

    pub(crate) fn secret(&self, name: &str) -> Result<&str> {
        self.state.secrets.get(name).map(String::as_str).with_context(|| format!("there is no secret named {name}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stores::{Postgres, Rabbitmq, Redis, Seaweedfs};

    fn plan(home: &Home) -> Plan {
        let password = "secret".to_owned();
        let stores = Stores {
            postgres: Postgres { name: "postgres".to_owned(), port: 1, password: password.clone() },
            apart: std::collections::BTreeMap::new(),
            redis: Redis { port: 2, password: password.clone() },
            seaweedfs: Seaweedfs { ports: [8; _], password: password.clone() },
            rabbitmq: Rabbitmq { amqp: 3, management: 4, metrics: 5, distribution: 6, names: 7, password },
        };
        Plan::new(home, State::default(), stores).unwrap()
    }

    #[test]
    fn every_variable_that_a_service_reads_has_a_value_and_no_other_is_set() {
        let home = Home::for_unit_test("plan");
        let plan = plan(&home);
        for service in SERVICES {
            let launch = plan.launch(service, "/bin/true".into()).unwrap();
            let names: Vec<&str> = launch.env.iter().filter_map(|(name, _)| name.strip_prefix("LYCEUM_")).collect();
            // A fleet for a unit test is one for tests.
            let wanted: Vec<&str> = service.variables().chain(service.test_settings().map(|(name, _)| name)).collect();
            assert_eq!(names, wanted);
            assert!(launch.env.iter().all(|(_, value)| !value.is_empty()));
        }
        home.remove().unwrap();
    }

    #[test]
    fn a_service_gets_its_own_database_and_its_neighbours_addresses() {
        let home = Home::for_unit_test("plan-urls");
        let plan = plan(&home);
        let database = plan.value("courses", "DATABASE_URL").unwrap();
        assert!(
            database.starts_with("postgres://courses:") && database.ends_with("@127.0.0.1:1/courses"),
            "{database}"
        );
        let users = plan.port("users.grpc").unwrap();
        assert_eq!(plan.value("gateway", "USERS_URL").unwrap(), format!("http://127.0.0.1:{users}"));
        assert_eq!(plan.value("courses", "AMQP_URL").unwrap(), "amqp://lyceum:secret@127.0.0.1:3/lyceum");
        assert!(plan.value("courses", "NONSENSE").is_err());
        home.remove().unwrap();
    }

    #[test]
    fn ports_and_passwords_are_the_same_at_the_next_start() {
        let home = Home::for_unit_test("plan-again");
        let first = plan(&home);
        let second = Plan::new(&home, State::load(&home).unwrap(), first.stores.clone()).unwrap();
        assert_eq!(first.state.ports, second.state.ports);
        assert_eq!(first.state.secrets, second.state.secrets);
        home.remove().unwrap();
    }
}
