//! What this service is configured with beside what every service is. Every mistake is reported at once; nothing is opened here.

use std::{num::NonZeroUsize, thread, time::Duration};

use service::{Authority, Env, SecretString};
use values::TimeZone;

use crate::{
    domain::{session, signing_key},
    hasher,
    vault::KeySecret,
};

#[derive(Debug, Clone)]
pub struct Config {
    pub redis_url: SecretString,
    /// Who vouches for Redis.
    pub redis_authority: Option<Authority>,
    /// What the keys in Redis begin with; the gateway, which reads them, has the same.
    pub redis_prefix: String,
    pub secret: KeySecret,
    pub access_token_lifetime: time::Duration,
    pub sessions: session::Policy,
    pub keys: signing_key::Policy,
    pub hasher: hasher::Config,
    /// Where the school has its days.
    pub zone: TimeZone,
}

/// How long a key is published before it signs. Whoever checks tokens fetches the keys every five minutes.
const KEY_LEAD: Duration = Duration::from_secs(60 * 60);
/// How long another replica may go on signing with a key that was retired.
const KEY_SLACK: Duration = Duration::from_secs(10 * 60);

/// Where the school has its days, unless it says otherwise.
const ZONE: &str = "Europe/Moscow";

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

impl Config {
    /// Reads the variables that the README lists. `None` after a mistake, which `env` remembers.
    pub fn read(env: &mut Env) -> Option<Self> {
        let redis_url = env.secret_url("LYCEUM_REDIS_URL", &["redis", "rediss"]);
        let redis_authority = env.authority("LYCEUM_REDIS_CA_FILE");
        let redis_prefix = env.or("LYCEUM_REDIS_PREFIX", "lyceum:".to_owned());
        let secret = env.secret_as("LYCEUM_KEY_SECRET", "32 random bytes in base64", |text| {
            KeySecret::parse(&SecretString::from(text)).ok()
        });

        let zone = env.optional::<TimeZone>("LYCEUM_SCHOOL_ZONE");

        let access_token = env.duration("LYCEUM_ACCESS_TOKEN_LIFETIME", 10 * MINUTE);
        let lifetime = env.duration("LYCEUM_SESSION_LIFETIME", 30 * DAY);
        let idle = env.duration("LYCEUM_SESSION_IDLE", 14 * DAY);
        let grace = env.duration("LYCEUM_REFRESH_GRACE", Duration::from_secs(10));
        let rotation = env.duration("LYCEUM_KEY_ROTATION", 30 * DAY);
        if access_token.is_some_and(|length| !(MINUTE..=60 * MINUTE).contains(&length)) {
            env.refuse("LYCEUM_ACCESS_TOKEN_LIFETIME", "expected 1m to 60m");
        }
        if let (Some(lifetime), Some(idle)) = (lifetime, idle)
            && !(60 * MINUTE..=lifetime).contains(&idle)
        {
            env.refuse("LYCEUM_SESSION_IDLE", "expected at least 60m and not more than LYCEUM_SESSION_LIFETIME");
        }
        if rotation.is_some_and(|rotation| rotation < 2 * KEY_LEAD) {
            env.refuse(
                "LYCEUM_KEY_ROTATION",
                "expected at least 2h, because a key is published for 1h before it signs",
            );
        }

        let half = thread::available_parallelism().map_or(1, NonZeroUsize::get) / 2;
        let memory = env.or("LYCEUM_ARGON2_MEMORY_KIB", 19 * 1024);
        let iterations = env.or("LYCEUM_ARGON2_ITERATIONS", 2);
        let parallelism = env.or("LYCEUM_ARGON2_PARALLELISM", 1);
        let threads = env.or("LYCEUM_HASHING_THREADS", NonZeroUsize::new(half).unwrap_or(NonZeroUsize::MIN));
        let queue = env.or("LYCEUM_HASHING_QUEUE", 64);

        let zone = zone?.or_else(|| TimeZone::parse(ZONE).ok());
        let access_token_lifetime = signed(access_token?);
        Some(Self {
            redis_url: redis_url?,
            redis_authority: redis_authority?,
            redis_prefix: redis_prefix?,
            secret: secret?,
            access_token_lifetime,
            sessions: session::Policy { lifetime: signed(lifetime?), idle: signed(idle?), grace: signed(grace?) },
            keys: signing_key::Policy {
                rotation: signed(rotation?),
                lead: signed(KEY_LEAD),
                tail: access_token_lifetime + signed(KEY_SLACK),
            },
            hasher: hasher::Config {
                memory: memory?,
                iterations: iterations?,
                parallelism: parallelism?,
                threads: threads?.get(),
                queue: queue?,
            },
            zone: zone?,
        })
    }
}

/// Configured lengths are years at most, which always fit.
fn signed(length: Duration) -> time::Duration {
    time::Duration::try_from(length).unwrap_or(time::Duration::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(more: &[(&str, &str)]) -> Env {
        let complete = [
            ("LYCEUM_REDIS_URL", "redis://localhost"),
            ("LYCEUM_KEY_SECRET", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="),
        ];
        Env::of(complete.into_iter().chain(more.iter().copied()))
    }

    #[test]
    fn a_complete_configuration_is_read_with_safe_defaults() {
        let mut env = env(&[]);
        let config = Config::read(&mut env);
        assert_eq!(env.mistakes(), []);
        let config = config.unwrap();
        assert_eq!((config.hasher.memory, config.hasher.iterations, config.hasher.parallelism), (19_456, 2, 1));
        assert_eq!(config.access_token_lifetime, time::Duration::minutes(10));
        assert!(config.keys.tail > config.access_token_lifetime);
    }

    #[test]
    fn every_mistake_is_named_and_no_secret_is_shown() {
        let mut env = env(&[
            ("LYCEUM_KEY_SECRET", "hunter2"),
            ("LYCEUM_ACCESS_TOKEN_LIFETIME", "3h"),
            ("LYCEUM_KEY_ROTATION", "1h"),
            ("LYCEUM_SESSION_IDLE", "31d"),
            ("LYCEUM_HASHING_THREADS", "0"),
        ]);
        assert!(Config::read(&mut env).is_none() || !env.mistakes().is_empty());
        let mistakes: Vec<String> = env.mistakes().iter().map(ToString::to_string).collect();
        for name in [
            "LYCEUM_KEY_SECRET",
            "LYCEUM_ACCESS_TOKEN_LIFETIME",
            "LYCEUM_KEY_ROTATION",
            "LYCEUM_SESSION_IDLE",
            "LYCEUM_HASHING_THREADS",
        ] {
            assert!(mistakes.iter().any(|mistake| mistake.starts_with(name)), "{name} in {mistakes:?}");
        }
        assert!(!mistakes.concat().contains("hunter2"));
    }
}
