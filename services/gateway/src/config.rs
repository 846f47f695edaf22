//! What the gateway is configured with. Every mistake is reported at once; nothing is opened here.

use std::{
    net::{Ipv4Addr, SocketAddr},
    num::NonZeroUsize,
    str::FromStr,
    sync::Arc,
    time::Duration,
};

use auth::{GATEWAY, Jwks, ServiceIdentity};
use chassis::{Authority, Env, Identity, SecretString};
use discovery::Target;
use http::HeaderValue;
use url::Url;
use values::{SystemClock, TimeZone};

use crate::routes::Backends;

/// Bytes that a body may have unless configured otherwise.
const BODY_LIMIT: usize = 64 * 1024;
/// The largest limit that can be configured; larger things are uploaded elsewhere.
const LARGEST_BODY_LIMIT: usize = 16 * 1024 * 1024;
/// Where a school is that does not say.
const USUAL_ZONE: &str = "Europe/Moscow";

#[derive(Debug, Clone)]
pub struct Config {
    pub listen: SocketAddr,
    /// Who the gateway is to those who call it; without a certificate it speaks plainly.
    pub identity: Identity,
    /// The address that browsers see.
    pub public_url: Url,
    pub redis_url: SecretString,
    /// Who vouches for Redis.
    pub redis_authority: Option<Authority>,
    /// What the keys in Redis begin with; the same as that of users, which writes the ended sessions there.
    pub redis_prefix: String,
    /// Who issues people's tokens.
    pub issuer: String,
    /// The gateway's own private key.
    pub service_key: SecretString,
    /// The public keys of the services of the fleet.
    pub service_keys: Jwks,
    /// Where each service behind the routes is.
    pub targets: Vec<(&'static str, Target)>,
    /// The web applications that may call from a browser, besides our own address.
    pub origins: Vec<WebOrigin>,
    /// How many reverse proxies stand before us, whose word about the client's address is believed.
    pub proxies: usize,
    /// How many connections one address may have, if no proxy stands before us.
    pub connections_per_address: usize,
    /// Bytes that a body may have.
    pub body_limit: usize,
    /// The school's time zone, for days that people read on pages.
    pub zone: TimeZone,
    /// How long a request may take.
    pub request_timeout: Duration,
    pub rates: Rates,
}

/// Requests a minute; 0 is no limit.
#[derive(Debug, Clone, Copy)]
pub struct Rates {
    /// For each signed-in person.
    pub caller: u32,
    /// For each address of somebody who is not signed in.
    pub address: u32,
    /// For each address that signs in, registers, or otherwise writes without being signed in.
    pub sign_in: u32,
    /// For each address that notifies us.
    pub hooks: u32,
}

impl Config {
    /// Reads the variables that the README lists. `None` after a mistake, which `env` remembers.
    pub fn read(env: &mut Env) -> Option<Self> {
        let listen = env.or("LYCEUM_HTTP_LISTEN", SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)));
        let identity =
            env.identity("http", ["LYCEUM_HTTP_TLS_CERT_FILE", "LYCEUM_HTTP_TLS_KEY_FILE", "LYCEUM_HTTP_TLS_CA_FILE"]);
        let public_url = env.url("LYCEUM_PUBLIC_URL", &["http", "https"]);
        let redis_url = env.secret_url("LYCEUM_REDIS_URL", &["redis", "rediss"]);
        let redis_authority = env.authority("LYCEUM_REDIS_CA_FILE");
        let redis_prefix = env.or("LYCEUM_REDIS_PREFIX", "lyceum:".to_owned());
        let issuer = env.required::<String>("LYCEUM_ISSUER");
        let service_key = env.secret_as("LYCEUM_SERVICE_KEY", "an Ed25519 key, PKCS#8 in base64", |text| {
            let identity = ServiceIdentity::from_base64(GATEWAY, text, Arc::new(SystemClock));
            identity.ok().map(|_| SecretString::from(text))
        });
        let service_keys = env.required::<Jwks>("LYCEUM_SERVICE_KEYS");
        let targets: Vec<_> = Backends::OWNERS
            .iter()
            .map(|&(owner, variable)| Some((owner, env.required::<Target>(variable)?)))
            .collect();
        let origins = env.list::<WebOrigin>("LYCEUM_CORS_ORIGINS");
        let proxies = env.or("LYCEUM_TRUSTED_PROXIES", 0_usize);
        let connections_per_address = env.or("LYCEUM_CONNECTIONS_PER_ADDRESS", NonZeroUsize::new(1_000)?);
        let body_limit = env.or("LYCEUM_BODY_LIMIT", BODY_LIMIT);
        let request_timeout = env.duration("LYCEUM_REQUEST_TIMEOUT", Duration::from_secs(10));
        let zone = env.optional::<TimeZone>("LYCEUM_SCHOOL_ZONE");
        let rates = Rates::read(env);

        if body_limit.is_some_and(|limit| !(1024..=LARGEST_BODY_LIMIT).contains(&limit)) {
            env.refuse("LYCEUM_BODY_LIMIT", format!("is refused, expected 1024 to {LARGEST_BODY_LIMIT} bytes"));
        }
        if request_timeout
            .is_some_and(|timeout| !(Duration::from_millis(100)..=Duration::from_secs(60)).contains(&timeout))
        {
            env.refuse("LYCEUM_REQUEST_TIMEOUT", "is refused, expected 100ms to 60s");
        }
        Some(Self {
            listen: listen?,
            identity: identity?,
            public_url: public_url?,
            redis_url: redis_url?,
            redis_authority: redis_authority?,
            redis_prefix: redis_prefix?,
            issuer: issuer?,
            service_key: service_key?,
            service_keys: service_keys?,
            targets: targets.into_iter().collect::<Option<_>>()?,
            origins: origins?,
            proxies: proxies?,
            connections_per_address: connections_per_address?.get(),
            body_limit: body_limit?,
            zone: zone?.or_else(|| TimeZone::parse(USUAL_ZONE).ok())?,
            request_timeout: request_timeout?,
            rates: rates?,
        })
    }
}

impl Rates {
    fn read(env: &mut Env) -> Option<Self> {
        let caller = env.or("LYCEUM_RATE_CALLER", 600);
        let address = env.or("LYCEUM_RATE_ADDRESS", 600);
        let sign_in = env.or("LYCEUM_RATE_SIGN_IN", 60);
        let hooks = env.or("LYCEUM_RATE_HOOKS", 1_200);
        Some(Self { caller: caller?, address: address?, sign_in: sign_in?, hooks: hooks? })
    }
}

/// A scheme, a host and perhaps a port, as browsers write them into `Origin`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebOrigin(String);

/// A text that is no web origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected an origin such as https://school.example, without a path")]
pub struct NotAnOrigin;

impl WebOrigin {
    /// The origin of an address.
    pub fn of(url: &Url) -> Self {
        Self(url.origin().ascii_serialization())
    }

    /// As it stands in a header.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// As it stands in a header. Origins are ASCII, so this succeeds.
    pub fn header(&self) -> Option<HeaderValue> {
        HeaderValue::from_str(&self.0).ok()
    }
}

impl FromStr for WebOrigin {
    type Err = NotAnOrigin;

    fn from_str(text: &str) -> Result<Self, NotAnOrigin> {
        let url = Url::parse(text).map_err(|_| NotAnOrigin)?;
        let origin = Self::of(&url);
        let plain = matches!(url.scheme(), "http" | "https") && origin.0 == text.trim_end_matches('/');
        if plain { Ok(origin) } else { Err(NotAnOrigin) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_have_no_path() {
        assert_eq!("https://school.example".parse::<WebOrigin>().unwrap().as_str(), "https://school.example");
        assert!("http://localhost:5173/".parse::<WebOrigin>().is_ok());
        for bad in
            ["", "*", "null", "school.example", "https://school.example/app", "file:///tmp", "https://u@school.example"]
        {
            assert_eq!(bad.parse::<WebOrigin>(), Err(NotAnOrigin), "{bad}");
        }
    }

    #[test]
    fn every_missing_variable_is_named_at_once() {
        let mut env =
            Env::of([("LYCEUM_BODY_LIMIT", "1"), ("LYCEUM_REQUEST_TIMEOUT", "1h"), ("LYCEUM_CORS_ORIGINS", "*")]);
        assert!(Config::read(&mut env).is_none());
        let mistakes: Vec<_> = env.mistakes().iter().map(ToString::to_string).collect();
        let owners = Backends::OWNERS.iter().map(|(_, variable)| *variable);
        let plain =
            ["LYCEUM_PUBLIC_URL", "LYCEUM_REDIS_URL", "LYCEUM_ISSUER", "LYCEUM_SERVICE_KEY", "LYCEUM_SERVICE_KEYS"];
        let wrong = ["LYCEUM_BODY_LIMIT", "LYCEUM_REQUEST_TIMEOUT", "LYCEUM_CORS_ORIGINS"];
        for name in plain.into_iter().chain(wrong).chain(owners) {
            assert!(mistakes.iter().any(|mistake| mistake.starts_with(&format!("{name}:"))), "{name} in {mistakes:?}");
        }
    }
}
