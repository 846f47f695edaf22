//! What this service is configured with. What every service is configured with is read
//! by the lib `service`. Every mistake is reported at once; nothing is opened here.

use std::time::Duration;

use bus::Amqp;
use service::{Env, ExposeSecret};
use url::Url;
use values::TimeZone;

use crate::{
    bucket::{self, Addressing},
    cdn::{self, Scheme},
    domain::{number::Prefix, paper::AskedPapers},
};

pub use crate::domain::paper::{Papers, Patience};

const HOUR: Duration = Duration::from_secs(60 * 60);

/// Whose days are meant where a day is written.
const USUAL_ZONE: &str = "Europe/Moscow";

#[derive(Debug, Clone)]
pub struct Config {
    /// The object store.
    pub bucket: bucket::Config,
    /// The CDN before it, if there is one.
    pub cdn: Option<cdn::Config>,
    /// The broker of the Document System; without it every paper goes to people.
    pub document_system: Option<Amqp>,
    pub papers: Papers,
    /// What the school is called on certificates.
    pub school: String,
    /// In whose days papers end and certificates are dated.
    pub zone: TimeZone,
    /// Where people find the school, and its page that checks certificates.
    pub public_url: Url,
    /// What stands at the beginning of each certificate's number.
    pub certificate_prefix: Prefix,
    /// Templates and fonts of the school's own certificates.
    pub certificate_templates: Option<std::path::PathBuf>,
}

impl Config {
    /// Reads the variables that the README lists. `None` after a mistake, which `env` remembers.
    pub fn read(env: &mut Env) -> Option<Self> {
        let bucket = bucket(env);
        let cdn = cdn(env);
        let document_system =
            service::optional_amqp(env, "LYCEUM_DOCUMENT_SYSTEM_AMQP_URL", "LYCEUM_DOCUMENT_SYSTEM_AMQP_CA_FILE");
        let papers = papers(env);
        let school = env.or("LYCEUM_SCHOOL_NAME", "Lyceum".to_owned());
        let zone = env.optional::<TimeZone>("LYCEUM_SCHOOL_ZONE");
        let public_url = env.url("LYCEUM_PUBLIC_URL", &["http", "https"]);
        let prefix = env.optional::<Prefix>("LYCEUM_CERTIFICATE_PREFIX");
        let certificate_templates = env.optional("LYCEUM_CERTIFICATE_TEMPLATES");
        let (document_system, (asked, patience)) = (document_system?, papers?);
        Some(Self {
            bucket: bucket?,
            cdn: cdn?,
            papers: Papers { asked, system: document_system.as_ref().map(|_| patience) },
            document_system,
            school: school?,
            zone: zone?.or_else(|| TimeZone::parse(USUAL_ZONE).ok())?,
            public_url: public_url?,
            certificate_prefix: prefix?.or_else(|| Prefix::parse("LYC").ok())?,
            certificate_templates: certificate_templates?,
        })
    }
}

/// Which papers tutors show, and how long an answer of the Document System is waited for.
fn papers(env: &mut Env) -> Option<(AskedPapers, Patience)> {
    let asked = env.or("LYCEUM_TUTOR_PAPERS", AskedPapers::default());
    let each = env.duration("LYCEUM_DOCUMENT_SYSTEM_PATIENCE", 5 * HOUR);
    if each.is_some_and(|each| !(Duration::from_secs(1)..=7 * 24 * HOUR).contains(&each)) {
        env.refuse("LYCEUM_DOCUMENT_SYSTEM_PATIENCE", "expected 1s to 7d");
    }
    let times = env.or("LYCEUM_DOCUMENT_SYSTEM_ATTEMPTS", 3_u16);
    if times.is_some_and(|times| !(1..=100).contains(&times)) {
        env.refuse("LYCEUM_DOCUMENT_SYSTEM_ATTEMPTS", "expected 1 to 100");
    }
    Some((asked?, Patience { each: each?.try_into().ok()?, times: i32::from(times?) }))
}

fn bucket(env: &mut Env) -> Option<bucket::Config> {
    let url = env.url("LYCEUM_S3_URL", &["http", "https"]);
    let public_url = env.optional_url("LYCEUM_S3_PUBLIC_URL", &["http", "https"]);
    let region = env.required::<String>("LYCEUM_S3_REGION");
    let name = env.required::<String>("LYCEUM_S3_BUCKET");
    let access_key = env.required::<String>("LYCEUM_S3_ACCESS_KEY");
    let secret_key = env.secret("LYCEUM_S3_SECRET_KEY");
    let addressing =
        env.choice("LYCEUM_S3_ADDRESSING", &[("path", Addressing::Path), ("virtual", Addressing::Virtual)]);
    let proxy = env.optional_url("LYCEUM_EGRESS_PROXY", &["http"]);
    let authority = env.authority("LYCEUM_S3_CA_FILE");
    let url = url?;
    Some(bucket::Config {
        public_url: public_url?.unwrap_or_else(|| url.clone()),
        url,
        region: region?,
        name: name?,
        access_key: access_key?,
        secret_key: secret_key?,
        addressing: addressing?,
        authority: authority?.map(|authority| authority.pem),
        proxy: proxy?,
    })
}

/// The CDN, if there is one: an address without a secret, or the other way round, is a mistake.
#[expect(clippy::option_option, reason = "the outer one tells a mistake, the inner one whether it is there")]
fn cdn(env: &mut Env) -> Option<Option<cdn::Config>> {
    let url = env.optional_url("LYCEUM_CDN_URL", &["http", "https"]);
    let secret = env.optional_secret("LYCEUM_CDN_SECRET");
    let scheme = env.choice("LYCEUM_CDN_SCHEME", &[("code-word", Scheme::CodeWord), ("tokenized", Scheme::Tokenized)]);
    match (url?, secret?) {
        (None, None) => return Some(None),
        (Some(url), Some(secret)) if cdn::fits(secret.expose_secret()) => {
            return Some(Some(cdn::Config { url, secret, scheme: scheme? }));
        }
        (Some(_), Some(_)) => env.refuse("LYCEUM_CDN_SECRET", "expected 6 to 32 Latin letters and digits"),
        (Some(_), None) => env.refuse("LYCEUM_CDN_SECRET", "is needed with LYCEUM_CDN_URL"),
        (None, Some(_)) => env.refuse("LYCEUM_CDN_URL", "is needed with LYCEUM_CDN_SECRET"),
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPLETE: [(&str, &str); 6] = [
        ("LYCEUM_PUBLIC_URL", "http://localhost:8080"),
        ("LYCEUM_S3_URL", "http://localhost:3900"),
        ("LYCEUM_S3_REGION", "ru-1"),
        ("LYCEUM_S3_BUCKET", "school"),
        ("LYCEUM_S3_ACCESS_KEY", "GK1"),
        ("LYCEUM_S3_SECRET_KEY", "s3cr3t"),
    ];

    #[test]
    fn a_complete_configuration_is_read() {
        let mut env = Env::of(COMPLETE);
        let config = Config::read(&mut env);
        assert_eq!(env.mistakes(), []);
        let config = config.unwrap();
        assert_eq!(config.bucket.public_url, config.bucket.url);
        assert!(config.cdn.is_none() && config.papers.system.is_none());
    }

    #[test]
    fn a_cdn_needs_both_address_and_secret_and_no_secret_is_shown() {
        let with = |more: &[(&'static str, &'static str)]| {
            let mut env = Env::of(COMPLETE.into_iter().chain(more.iter().copied()));
            let config = Config::read(&mut env);
            (config, env.mistakes().iter().map(ToString::to_string).collect::<String>())
        };
        let (config, mistakes) =
            with(&[("LYCEUM_CDN_URL", "https://cdn.example"), ("LYCEUM_CDN_SECRET", "zah5Mey9Quu8Ea1k")]);
        assert_eq!(mistakes, "");
        assert_eq!(config.unwrap().cdn.unwrap().scheme, Scheme::CodeWord);
        assert!(with(&[("LYCEUM_CDN_URL", "https://cdn.example")]).1.contains("LYCEUM_CDN_SECRET"));
        assert!(with(&[("LYCEUM_CDN_SECRET", "zah5Mey9Quu8Ea1k")]).1.contains("LYCEUM_CDN_URL"));
        let (config, mistakes) = with(&[("LYCEUM_CDN_URL", "https://cdn.example"), ("LYCEUM_CDN_SECRET", "hunter2!")]);
        assert!(config.is_none() && mistakes.contains("LYCEUM_CDN_SECRET") && !mistakes.contains("hunter2"));
    }
}
