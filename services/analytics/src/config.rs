//! What this service is configured with. Every mistake is reported at once; nothing is opened here.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use auth::Jwks;
use bus::Amqp;
use chassis::{Authority, Env, ExposeSecret, SecretString};
use discovery::Target;
use values::TimeZone;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How long events are kept where nothing else is said: a year and a month, so that each month has its counterpart.
const RETENTION: Duration = DAY.saturating_mul(400);

/// What comes late has to find its month; and no longer than a century.
const SHORTEST_RETENTION: Duration = DAY.saturating_mul(35);
const LONGEST_RETENTION: Duration = DAY.saturating_mul(36_500);

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
    /// Whose facts are copied after a loss: orders.
    pub payments: Target,
    /// Runs, enrolments and completed lessons.
    pub courses: Target,
    /// Certificates.
    pub documents: Target,
    /// How long events are kept.
    pub retention: Duration,
    /// In which days, weeks and months are counted.
    pub zone: TimeZone,
}

impl Config {
    /// Reads the variables that the README lists. `None` after a mistake, which `env` remembers.
    pub fn read(env: &mut Env) -> Option<Self> {
        let grpc_listen = env.or("LYCEUM_GRPC_LISTEN", SocketAddr::from((Ipv4Addr::LOCALHOST, 9050)));
        let database_url = env.secret_url("LYCEUM_DATABASE_URL", &["postgres", "postgresql"]);
        let database_authority = env.authority("LYCEUM_DATABASE_CA_FILE");
        let database_connections = env.or("LYCEUM_DATABASE_CONNECTIONS", 10);
        let amqp = env.secret_as("LYCEUM_AMQP_URL", "an address such as amqp://user:password@host:5672/%2f", |url| {
            url.parse::<Amqp>().ok()
        });
        let amqp_authority = env.authority("LYCEUM_AMQP_CA_FILE");
        let issuer = env.required::<String>("LYCEUM_ISSUER");
        let service_key = env.secret("LYCEUM_SERVICE_KEY");
        let services = env.required::<Jwks>("LYCEUM_SERVICE_KEYS");
        let users = env.required::<Target>("LYCEUM_USERS_URL");
        let payments = env.required::<Target>("LYCEUM_PAYMENTS_URL");
        let courses = env.required::<Target>("LYCEUM_COURSES_URL");
        let documents = env.required::<Target>("LYCEUM_DOCUMENTS_URL");
        let retention = env.duration("LYCEUM_EVENT_RETENTION", RETENTION);
        if retention.is_some_and(|retention| !(SHORTEST_RETENTION..=LONGEST_RETENTION).contains(&retention)) {
            env.refuse("LYCEUM_EVENT_RETENTION", "is refused, expected 35d to 36500d");
        }
        let zone = env.or("LYCEUM_SCHOOL_ZONE", TimeZone::parse("Europe/Moscow").ok()?);
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
            payments: payments?,
            courses: courses?,
            documents: documents?,
            retention: retention?,
            zone: zone?,
        })
    }

    /// How the database is reached.
    pub fn database(&self) -> pg::Config {
        let database = pg::Config::new(self.database_url.expose_secret(), "analytics");
        let authority = self.database_authority.as_ref().map(|authority| authority.path.clone());
        pg::Config { max_connections: self.database_connections, authority, ..database }
    }
}
