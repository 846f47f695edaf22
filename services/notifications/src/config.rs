//! What this service is configured with. Every mistake is reported at once; nothing is opened here.

use std::{
    net::{Ipv4Addr, SocketAddr},
    str::FromStr,
};

use auth::Jwks;
use bus::Amqp;
use chassis::{Authority, Env, ExposeSecret, SecretString};
use discovery::Target;
use lettre::message::Mailbox;
use url::Url;

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
    /// Where the keys of people's tokens and, once, the profiles come from.
    pub users: Target,
    /// The mail server, with user and password.
    pub smtp_url: SecretString,
    /// Who vouches for the mail server.
    pub smtp_authority: Option<Authority>,
    /// Who the mails are from.
    pub mail_from: Mailbox,
    /// What the school is called in the mails.
    pub school: String,
    /// Where the mails lead to.
    pub public_url: Url,
}

impl Config {
    /// Reads the variables that the README lists. `None` after a mistake, which `env` remembers.
    pub fn read(env: &mut Env) -> Option<Self> {
        let grpc_listen = env.or("LYCEUM_GRPC_LISTEN", SocketAddr::from((Ipv4Addr::LOCALHOST, 9040)));
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
        let smtp_url = env.secret_url("LYCEUM_SMTP_URL", &["smtp", "smtps"]);
        let smtp_authority = env.authority("LYCEUM_SMTP_CA_FILE");
        let mail_from = env.required::<Mailbox>("LYCEUM_MAIL_FROM");
        let school = env.or("LYCEUM_SCHOOL_NAME", "Lyceum".to_owned());
        let public_url = env.url("LYCEUM_PUBLIC_URL", &["http", "https"]);
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
            smtp_url: smtp_url?,
            smtp_authority: smtp_authority?,
            mail_from: mail_from?,
            school: school?,
            public_url: public_url?,
        })
    }

    /// How the database is reached.
    pub fn database(&self) -> pg::Config {
        let database = pg::Config::new(self.database_url.expose_secret(), "notifications");
        let authority = self.database_authority.as_ref().map(|authority| authority.path.clone());
        pg::Config { max_connections: self.database_connections, authority, ..database }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVICES: &str = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"gateway.1","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;

    #[test]
    fn a_complete_configuration_is_read() {
        let mut env = Env::of([
            ("LYCEUM_DATABASE_URL", "postgres://u:p@localhost/notifications"),
            ("LYCEUM_AMQP_URL", "amqp://u:p@localhost/%2f"),
            ("LYCEUM_ISSUER", "http://localhost:8080"),
            ("LYCEUM_SERVICE_KEY", "MFMCAQEw"),
            ("LYCEUM_SERVICE_KEYS", SERVICES),
            ("LYCEUM_USERS_URL", "http://localhost:9010"),
            ("LYCEUM_SMTP_URL", "smtp://localhost:2525"),
            ("LYCEUM_MAIL_FROM", "Lyceum <no-reply@school.example>"),
            ("LYCEUM_PUBLIC_URL", "http://localhost:8080"),
        ]);
        let config = Config::read(&mut env);
        assert_eq!(env.mistakes(), []);
        assert_eq!(config.unwrap().mail_from.email.domain(), "school.example");
    }

    #[test]
    fn every_mistake_is_named_and_no_secret_is_shown() {
        let mut env = Env::of([
            ("LYCEUM_SMTP_URL", "http://u:hunter2@localhost"),
            ("LYCEUM_MAIL_FROM", "nobody"),
            ("LYCEUM_USERS_URL", "users:9010"),
        ]);
        assert!(Config::read(&mut env).is_none());
        let mistakes: Vec<String> = env.mistakes().iter().map(ToString::to_string).collect();
        for name in ["LYCEUM_SMTP_URL", "LYCEUM_MAIL_FROM", "LYCEUM_USERS_URL", "LYCEUM_DATABASE_URL", "LYCEUM_ISSUER"]
        {
            assert!(mistakes.iter().any(|mistake| mistake.starts_with(name)), "{name} in {mistakes:?}");
        }
        assert!(!mistakes.concat().contains("hunter2"));
    }
}
