//! What every service with a database is configured with. Every mistake is reported at once; nothing is opened here.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};

use anyhow::Context;
use auth::Jwks;
use bus::Amqp;
use chassis::{Env, ExposeSecret, SecretString};
use discovery::Target;

use crate::Service;

/// The common part of a service's configuration. What it needs beside it stands in its own `config.rs`.
#[derive(Clone, Debug)]
pub struct Config {
    /// `LYCEUM_GRPC_LISTEN`: where the gRPC server listens.
    pub grpc_listen: SocketAddr,
    /// `LYCEUM_DATABASE_URL`, `LYCEUM_DATABASE_DIRECT_URL`, `LYCEUM_DATABASE_CA_FILE`, `LYCEUM_DATABASE_CONNECTIONS`: how
    /// the database is reached.
    pub database: pg::Config,
    /// `LYCEUM_AMQP_URL`, `LYCEUM_AMQP_CA_FILE`: the fleet's broker.
    pub amqp: Amqp,
    /// `LYCEUM_ISSUER`: who issues people's access tokens, which is the public address of the school.
    pub issuer: String,
    /// `LYCEUM_SERVICE_KEYS`: the public keys of the services of the fleet.
    pub services: Jwks,
    /// `LYCEUM_SERVICE_KEY`: our own private key, if there are neighbours that we ask in our own name.
    pub(crate) service_key: Option<SecretString>,
    /// The neighbours' addresses, by the variables that name them.
    targets: BTreeMap<&'static str, Target>,
}

/// How a database's address begins.
const POSTGRES: [&str; 2] = ["postgres", "postgresql"];

/// What an operator is told who wrote no address of a broker.
const BROKER: &str = "an address such as amqp://user:password@host:5672/%2f";

/// A broker, by the variables with its address and with the authority that vouches for it.
pub fn amqp(env: &mut Env, url: &'static str, authority: &'static str) -> Option<Amqp> {
    let amqp = env.secret_as(url, BROKER, |url| url.parse::<Amqp>().ok());
    let authority = env.authority(authority);
    Some(amqp?.trusting(authority?))
}

/// The same, but it may be left out: `Some(None)` then.
pub fn optional_amqp(env: &mut Env, url: &'static str, authority: &'static str) -> Option<Option<Amqp>> {
    match env.optional_secret(url)? {
        Some(_) => amqp(env, url, authority).map(Some),
        None => env.authority(authority).map(|_| None),
    }
}

/// A database's address that may be left out: `Some(None)` then.
fn optional_database(env: &mut Env, url: &'static str) -> Option<Option<SecretString>> {
    match env.optional_secret(url)? {
        Some(_) => env.secret_url(url, &POSTGRES).map(Some),
        None => Some(None),
    }
}

impl Config {
    /// Reads the variables that a service has in common with the others. `None` after a mistake, which `env` remembers.
    pub fn read<S: Service>(env: &mut Env) -> Option<Self> {
        let grpc_listen = env.or("LYCEUM_GRPC_LISTEN", SocketAddr::from((Ipv4Addr::LOCALHOST, S::PORT)));
        let database_url = env.secret_url("LYCEUM_DATABASE_URL", &POSTGRES);
        let database_direct_url = optional_database(env, "LYCEUM_DATABASE_DIRECT_URL");
        let database_authority = env.authority("LYCEUM_DATABASE_CA_FILE");
        let database_connections = env.or("LYCEUM_DATABASE_CONNECTIONS", 10);
        let amqp = amqp(env, "LYCEUM_AMQP_URL", "LYCEUM_AMQP_CA_FILE");
        let issuer = env.required("LYCEUM_ISSUER");
        let services = env.required("LYCEUM_SERVICE_KEYS");
        let service_key =
            if S::NEIGHBOURS.is_empty() { Some(None) } else { env.secret("LYCEUM_SERVICE_KEY").map(Some) };
        let variables: BTreeSet<&str> = S::NEIGHBOURS.iter().copied().chain(S::KEYS).collect();
        let targets: Vec<_> = variables.into_iter().map(|name| (name, env.required::<Target>(name))).collect();
        let authority = database_authority?.map(|authority| authority.path);
        let direct_url = database_direct_url?.map(|url| url.expose_secret().to_owned());
        let database = pg::Config::new(database_url?.expose_secret(), S::NAME);
        Some(Self {
            grpc_listen: grpc_listen?,
            database: pg::Config { direct_url, max_connections: database_connections?, authority, ..database },
            amqp: amqp?,
            issuer: issuer?,
            services: services?,
            service_key: service_key?,
            targets: targets.into_iter().map(|(name, target)| Some((name, target?))).collect::<Option<_>>()?,
        })
    }

    /// Where a neighbour is that the service has listed.
    pub(crate) fn target(&self, variable: &str) -> anyhow::Result<&Target> {
        self.targets.get(variable).with_context(|| format!("{variable} is not among the service's NEIGHBOURS"))
    }
}
