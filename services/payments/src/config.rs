//! What an operator sets. Every mistake is reported at once; secrets cannot be printed.

use std::{
    net::{Ipv4Addr, SocketAddr},
    str::FromStr,
    time::Duration,
};

use auth::Jwks;
use chassis::{Authority, Env, ExposeSecret, SecretString};
use time::Duration as Span;
use url::Url;

use crate::{
    domain::{back::Pages, schedule::Schedule},
    provider::tbank,
};

/// The configuration of this service, checked.
#[derive(Debug, Clone)]
pub struct Config {
    pub listen: SocketAddr,
    pub database_url: SecretString,
    /// Who vouches for the database.
    pub database_authority: Option<Authority>,
    pub database_connections: u32,
    pub amqp: bus::Amqp,
    /// Whose people's tokens are believed.
    pub issuer: String,
    /// The public keys of the services of the fleet.
    pub services: Jwks,
    /// Where the keys of people's tokens come from.
    pub users: discovery::Target,
    pub rules: Rules,
    pub tbank: tbank::Config,
}

/// What the school has decided about its orders.
#[derive(Debug, Clone)]
pub struct Rules {
    /// How long an order may wait to be paid.
    pub lifetime: Span,
    /// How much longer a payment that was started in time may take.
    pub grace: Span,
    /// When a provider is asked (again) about a payment or a refund.
    pub schedule: Schedule,
    /// Where payers may be sent back to.
    pub pages: Pages,
}

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The bank's production address; its test address is `https://rest-api-test.tinkoff.ru/v2/`.
const TBANK: &str = "https://securepay.tinkoff.ru/v2/";

/// Where the gateway has T-Bank's door.
const TBANK_DOOR: &str = "/hooks/tbank";

impl Config {
    /// Reads the variables that the README lists. `None` after a mistake, which `env` remembers.
    pub fn read(env: &mut Env) -> Option<Self> {
        let listen = env.or("LYCEUM_GRPC_LISTEN", SocketAddr::from((Ipv4Addr::LOCALHOST, 9030)));
        let database_url = env.secret_url("LYCEUM_DATABASE_URL", &["postgres", "postgresql"]);
        let database_authority = env.authority("LYCEUM_DATABASE_CA_FILE");
        let database_connections = env.or("LYCEUM_DATABASE_CONNECTIONS", 10);
        let amqp = env.secret_as("LYCEUM_AMQP_URL", "an address such as amqp://user:password@host:5672/%2f", |url| {
            url.parse::<bus::Amqp>().ok()
        });
        let amqp_authority = env.authority("LYCEUM_AMQP_CA_FILE");
        let issuer = env.required::<String>("LYCEUM_ISSUER");
        let services = env.required::<Jwks>("LYCEUM_SERVICE_KEYS");
        let users = env.required::<discovery::Target>("LYCEUM_USERS_URL");
        let public_url = env.url("LYCEUM_PUBLIC_URL", &["https", "http"]);
        let rules = rules(env, public_url.as_ref());
        let tbank = tbank(env, public_url.as_ref());
        Some(Self {
            listen: listen?,
            database_url: database_url?,
            database_authority: database_authority?,
            database_connections: database_connections?,
            amqp: amqp?.trusting(amqp_authority?.map(|authority| authority.pem)),
            issuer: issuer?,
            services: services?,
            users: users?,
            rules: rules?,
            tbank: tbank?,
        })
    }

    /// How the database is reached.
    pub fn database(&self) -> pg::Config {
        let database = pg::Config::new(self.database_url.expose_secret(), "payments");
        let authority = self.database_authority.as_ref().map(|authority| authority.path.clone());
        pg::Config { max_connections: self.database_connections, authority, ..database }
    }
}

fn rules(env: &mut Env, public_url: Option<&Url>) -> Option<Rules> {
    let lifetime = env.duration("LYCEUM_ORDER_LIFETIME", DAY);
    if lifetime.is_some_and(|lifetime| !(5 * MINUTE..=60 * DAY).contains(&lifetime)) {
        env.refuse("LYCEUM_ORDER_LIFETIME", "expected 5m to 60d, because no provider keeps a page open for longer");
    }
    let grace = env.duration("LYCEUM_ORDER_GRACE", 15 * MINUTE);
    let schedule = env.or("LYCEUM_ASK_AFTER", Schedule::default());
    let origins = env.list::<Url>("LYCEUM_RETURN_ORIGINS");
    let pages = public_url.zip(origins).map(|(first, others)| Pages::of(first, &others));
    Some(Rules { lifetime: signed(lifetime?), grace: signed(grace?), schedule: schedule?, pages: pages? })
}

fn tbank(env: &mut Env, public_url: Option<&Url>) -> Option<tbank::Config> {
    let url = env.optional_url("LYCEUM_TBANK_URL", &["https", "http"]);
    let terminal = env.required::<String>("LYCEUM_TBANK_TERMINAL");
    let password = env.secret("LYCEUM_TBANK_PASSWORD");
    let notify = env.optional_url("LYCEUM_TBANK_NOTIFY_URL", &["https", "http"]);
    let roots = env.optional::<Pem>("LYCEUM_EXTRA_ROOTS");
    let proxy = env.optional_url("LYCEUM_EGRESS_PROXY", &["http"]);
    let timeout = env.duration("LYCEUM_PROVIDER_TIMEOUT", Duration::from_secs(5));
    if timeout.is_some_and(|timeout| !(Duration::from_millis(100)..=Duration::from_secs(8)).contains(&timeout)) {
        env.refuse("LYCEUM_PROVIDER_TIMEOUT", "expected 100ms to 8s, because callers wait for 10s");
    }
    let usual_door = public_url.and_then(|url| url.join(TBANK_DOOR).ok());
    Some(tbank::Config {
        url: url?.or_else(|| TBANK.parse().ok())?,
        terminal: terminal?,
        password: password?,
        notify: notify?.or(usual_door)?,
        timeout: timeout?,
        roots: roots?.map(|pem| pem.0),
        proxy: proxy?,
    })
}

/// Certificates in the file that a variable names.
struct Pem(Vec<u8>);

impl FromStr for Pem {
    type Err = String;

    fn from_str(path: &str) -> Result<Self, String> {
        let pem = std::fs::read(path).map_err(|error| format!("the file cannot be read ({error})"))?;
        match reqwest::Certificate::from_pem_bundle(&pem) {
            Ok(certificates) if !certificates.is_empty() => Ok(Self(pem)),
            _ => Err("expected a file of certificates in PEM".into()),
        }
    }
}

/// Configured lengths are years at most, which always fit.
fn signed(length: Duration) -> Span {
    Span::try_from(length).unwrap_or(Span::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVICES: &str = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"gateway.1","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;

    fn env(more: &[(&str, &str)]) -> Env {
        let complete = [
            ("LYCEUM_DATABASE_URL", "postgres://u:p@localhost/payments"),
            ("LYCEUM_AMQP_URL", "amqp://u:p@localhost/%2f"),
            ("LYCEUM_ISSUER", "http://localhost:8080"),
            ("LYCEUM_SERVICE_KEYS", SERVICES),
            ("LYCEUM_USERS_URL", "http://127.0.0.1:9010"),
            ("LYCEUM_PUBLIC_URL", "https://school.example"),
            ("LYCEUM_TBANK_TERMINAL", "1700000000001DEMO"),
            ("LYCEUM_TBANK_PASSWORD", "secret"),
        ];
        Env::of(complete.into_iter().chain(more.iter().copied()))
    }

    #[test]
    fn a_complete_configuration_is_read_with_safe_defaults() {
        let mut env = env(&[]);
        let config = Config::read(&mut env);
        assert_eq!(env.mistakes(), []);
        let config = config.unwrap();
        assert_eq!(config.tbank.url.as_str(), TBANK);
        assert_eq!(config.tbank.notify.as_str(), "https://school.example/hooks/tbank");
        assert_eq!(config.rules.lifetime, Span::DAY);
        assert!(!format!("{config:?}").contains("secret"));
    }

    #[test]
    fn every_mistake_is_named() {
        let mut env = env(&[
            ("LYCEUM_ORDER_LIFETIME", "1s"),
            ("LYCEUM_ASK_AFTER", "5m,1m"),
            ("LYCEUM_PROVIDER_TIMEOUT", "60s"),
            ("LYCEUM_EXTRA_ROOTS", "/does/not/exist.pem"),
            ("LYCEUM_TBANK_URL", "ftp://bank"),
        ]);
        Config::read(&mut env);
        let mistakes: Vec<String> = env.mistakes().iter().map(ToString::to_string).collect();
        let named = [
            "LYCEUM_ORDER_LIFETIME",
            "LYCEUM_ASK_AFTER",
            "LYCEUM_PROVIDER_TIMEOUT",
            "LYCEUM_EXTRA_ROOTS",
            "LYCEUM_TBANK_URL",
        ];
        assert_eq!(mistakes.len(), named.len(), "{mistakes:?}");
        for name in named {
            assert!(mistakes.iter().any(|mistake| mistake.starts_with(name)), "{name} in {mistakes:?}");
        }
    }
}
