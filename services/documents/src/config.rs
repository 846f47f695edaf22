//! What this service is configured with. Every mistake is reported at once; nothing is opened here.

use std::net::{Ipv4Addr, SocketAddr};

use auth::Jwks;
use bus::Amqp;
use chassis::{Env, ExposeSecret, SecretString};
use discovery::Target;

#[derive(Debug, Clone)]
pub struct Config {
    pub grpc_listen: SocketAddr,
    pub database_url: SecretString,
    pub database_connections: u32,
    pub amqp: Amqp,
    /// Who issues the access tokens: the public address of the school.
    pub issuer: String,
    /// Our own private key, by which neighbours know us.
    pub service_key: SecretString,
    /// The public keys of the services of the fleet.
    pub services: Jwks,
    /// Where the keys of people's tokens come from.
    pub users: Target,
}

impl Config {
    /// Reads the variables that the README lists. `None` after a mistake, which `env` remembers.
    pub fn read(env: &mut Env) -> Option<Self> {
        let grpc_listen = env.or("LYCEUM_GRPC_LISTEN", SocketAddr::from((Ipv4Addr::LOCALHOST, 9060)));
        let database_url = env.secret_url("LYCEUM_DATABASE_URL", &["postgres", "postgresql"]);
        let database_connections = env.or("LYCEUM_DATABASE_CONNECTIONS", 10);
        let amqp = env.secret_as("LYCEUM_AMQP_URL", "an address such as amqp://user:password@host:5672/%2f", |url| {
            url.parse().ok()
        });
        let issuer = env.required::<String>("LYCEUM_ISSUER");
        let service_key = env.secret("LYCEUM_SERVICE_KEY");
        let services = env.required::<Jwks>("LYCEUM_SERVICE_KEYS");
        let users = env.required::<Target>("LYCEUM_USERS_URL");
        Some(Self {
            grpc_listen: grpc_listen?,
            database_url: database_url?,
            database_connections: database_connections?,
            amqp: amqp?,
            issuer: issuer?,
            service_key: service_key?,
            services: services?,
            users: users?,
        })
    }

    /// How the database is reached.
    pub fn database(&self) -> pg::Config {
        let database = pg::Config::new(self.database_url.expose_secret(), "documents");
        pg::Config { max_connections: self.database_connections, ..database }
    }
}
