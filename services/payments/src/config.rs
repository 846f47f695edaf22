//! What an operator sets beside the common variables. Every mistake is reported at once; secrets cannot be printed.

use std::{str::FromStr, time::Duration};

use service::Env;
use time::Duration as Span;
use url::Url;

use crate::{domain::schedule::Schedule, provider::tbank, return_pages::ReturnPages};

/// The configuration of this service, checked.
#[derive(Debug, Clone)]
pub struct Config {
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
    /// When a provider is asked (once more) about a payment or a refund.
    pub schedule: Schedule,
    /// Where payers may be sent back to.
    pub pages: ReturnPages,
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
        let public_url = env.url("LYCEUM_PUBLIC_URL", &["https", "http"]);
        let rules = rules(env, public_url.as_ref());
        let tbank = tbank(env, public_url.as_ref());
        Some(Self { rules: rules?, tbank: tbank? })
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
    let pages = public_url.zip(origins).map(|(first, others)| ReturnPages::of(first, &others));
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

    fn env(more: &[(&str, &str)]) -> Env {
        let complete = [
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
