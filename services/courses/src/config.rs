//! What this service is configured with. Every mistake is reported at once; nothing is opened here.

use std::{
    net::{Ipv4Addr, SocketAddr},
    str::FromStr,
};

use auth::Jwks;
use bus::Amqp;
use chassis::{Authority, Env, ExposeSecret, SecretString};
use discovery::Target;

#[derive(Debug, Clone)]
pub struct Config {
    pub grpc_listen: SocketAddr,
    pub database_url: SecretString,
    /// Who vouches for the database.
    pub database_authority: Option<Authority>,
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
    /// Who signs links to media.
    pub documents: Target,
}

impl Config {
    /// Reads the variables that the README lists. `None` after a mistake, which `env` remembers.
    pub fn read(env: &mut Env) -> Option<Self> {
        let grpc_listen = env.or("LYCEUM_GRPC_LISTEN", SocketAddr::from((Ipv4Addr::LOCALHOST, 9020)));
        let database_url = env.secret_url("LYCEUM_DATABASE_URL", &["postgres", "postgresql"]);
        let database_authority = env.authority("LYCEUM_DATABASE_CA_FILE");
        let database_connections = env.or("LYCEUM_DATABASE_CONNECTIONS", 10);
        let amqp = env.secret_as("LYCEUM_AMQP_URL", "an address such as amqp://user:password@host:5672/%2f", |url| {
            Amqp::from_str(url).ok()
        });
        let amqp_authority = env.authority("LYCEUM_AMQP_CA_FILE");
        let issuer = env.required::<String>("LYCEUM_ISSUER");
        let service_key = env.secret("LYCEUM_SERVICE_KEY");
        let services = env.required::<Jwks>("LYCEUM_SERVICE_KEYS");
        let users = env.required::<Target>("LYCEUM_USERS_URL");
        let documents = env.required::<Target>("LYCEUM_DOCUMENTS_URL");
        Some(Self {
            grpc_listen: grpc_listen?,
            database_url: database_url?,
            database_authority: database_authority?,
            database_connections: database_connections?,
            amqp: amqp?.trusting(amqp_authority?.map(|authority| authority.pem)),
            issuer: issuer?,
            service_key: service_key?,
            services: services?,
            users: users?,
            documents: documents?,
        })
    }

    /// How the database is reached.
    pub fn database(&self) -> pg::Config {
        let database = pg::Config::new(self.database_url.expose_secret(), "courses");
        let authority = self.database_authority.as_ref().map(|authority| authority.path.clone());
        pg::Config { max_connections: self.database_connections, authority, ..database }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mistake_is_named_and_no_secret_is_shown() {
        let mut env = Env::of([
            ("LYCEUM_DATABASE_URL", "mysql://u:hunter2@localhost/courses"),
            ("LYCEUM_USERS_URL", "users:9010"),
        ]);
        assert!(Config::read(&mut env).is_none());
        let mistakes: Vec<String> = env.mistakes().iter().map(ToString::to_string).collect();
        for name in
            ["LYCEUM_DATABASE_URL", "LYCEUM_AMQP_URL", "LYCEUM_SERVICE_KEY", "LYCEUM_USERS_URL", "LYCEUM_DOCUMENTS_URL"]
        {
            assert!(mistakes.iter().any(|mistake| mistake.starts_with(&format!("{name}:"))), "{name} in {mistakes:?}");
        }
        assert!(!mistakes.concat().contains("hunter2"));
    }
}
