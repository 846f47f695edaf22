//! Password hashing: argon2id on threads of its own, so many at a time and no more, so that a storm of sign-ins takes neither
//! the memory nor the processors that everything else needs.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version, password_hash::phc::PasswordHash};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::vault::{Broken, Vault};

/// How expensive a hash is, and how many may be computed or wait at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config {
    /// Memory of one hash in KiB.
    pub memory: u32,
    /// Passes over the memory.
    pub iterations: u32,
    /// Lanes; they are computed one after the other here.
    pub parallelism: u32,
    /// Hashes computed at once.
    pub threads: usize,
    /// Callers that wait for one of those; the next one is refused.
    pub queue: usize,
}

/// Costs that argon2 does not take.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("argon2 refuses these costs: {0}")]
pub struct BadCosts(String);

/// Too many wait already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many people are signing in at the moment")]
pub struct Full;

impl Full {
    /// The queue moves quickly.
    pub const RETRY_AFTER: Duration = Duration::from_secs(1);
}

/// Why a hash was not computed.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    #[error("a password could not be hashed: {0}")]
    Argon2(argon2::password_hash::Error),
    #[error(transparent)]
    Broken(#[from] Broken),
    #[error("the thread that hashed a password died")]
    Thread(#[from] tokio::task::JoinError),
}

impl From<argon2::password_hash::Error> for Failed {
    fn from(error: argon2::password_hash::Error) -> Self {
        Self::Argon2(error)
    }
}

/// Computes and checks hashes; clones share the threads and the queue.
#[derive(Clone)]
pub struct Hasher {
    argon2: Argon2<'static>,
    admitted: Arc<Semaphore>,
    computing: Arc<Semaphore>,
    /// The hash of nobody's password, checked where there is no account, so that the time does not tell.
    decoy: Arc<str>,
}

/// A place in the queue, to be used once.
pub struct Place {
    hasher: Hasher,
    admitted: OwnedSemaphorePermit,
}

/// What a check found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checked {
    pub right: bool,
    /// The hash was made with other costs than today's.
    pub stale: bool,
}

impl Hasher {
    /// Opens the queue; computes one hash.
    pub fn new(config: &Config, vault: &Vault) -> Result<Self, BadCosts> {
        let params = Params::new(config.memory, config.iterations, config.parallelism, None);
        let params = params.map_err(|error| BadCosts(error.to_string()))?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let decoy = argon2.hash_password_with_salt(&random(vault)?, &random(vault)?);
        let decoy = decoy.map_err(|error| BadCosts(error.to_string()))?.to_string();
        Ok(Self {
            argon2,
            admitted: Arc::new(Semaphore::new(config.threads + config.queue)),
            computing: Arc::new(Semaphore::new(config.threads)),
            decoy: decoy.into(),
        })
    }

    /// Takes a place in the queue, or refuses at once. Take it before anything is counted or locked.
    pub fn place(&self) -> Result<Place, Full> {
        let Ok(admitted) = Arc::clone(&self.admitted).try_acquire_owned() else {
            metrics::counter!("password_hash_refused_total").increment(1);
            return Err(Full);
        };
        Ok(Place { hasher: self.clone(), admitted })
    }
}

fn random(vault: &Vault) -> Result<[u8; 16], BadCosts> {
    vault.random().map_err(|error| BadCosts(error.to_string()))
}

impl Place {
    /// Hashes a new password.
    pub async fn hash(self, password: SecretString, vault: &Vault) -> Result<String, Failed> {
        let salt: [u8; 16] = vault.random()?;
        self.compute(move |argon2, _| {
            Ok(argon2.hash_password_with_salt(password.expose_secret().as_bytes(), &salt)?.to_string())
        })
        .await
    }

    /// Checks a password. Without a hash nothing is right, but it takes as long.
    pub async fn check(self, password: SecretString, hash: Option<String>) -> Result<Checked, Failed> {
        self.compute(move |argon2, decoy| {
            let known = hash.is_some();
            let hash = hash.as_deref().unwrap_or(decoy);
            let same = match argon2.verify_password(password.expose_secret().as_bytes(), hash) {
                Ok(()) => true,
                Err(argon2::password_hash::Error::PasswordInvalid) => false,
                Err(error) => return Err(error.into()),
            };
            let costs = PasswordHash::new(hash).ok().and_then(|hash| Params::try_from(&hash).ok());
            let stale = costs.is_none_or(|costs| !same_costs(&costs, argon2.params()));
            Ok(Checked { right: known && same, stale })
        })
        .await
    }

    async fn compute<T: Send + 'static>(
        self,
        work: impl FnOnce(&Argon2<'_>, &str) -> Result<T, Failed> + Send + 'static,
    ) -> Result<T, Failed> {
        let Self { hasher, admitted } = self;
        let asked = Instant::now();
        let permit = Arc::clone(&hasher.computing).acquire_owned().await.ok();
        metrics::histogram!("password_hash_wait_seconds").record(asked.elapsed());
        // The permits travel into the thread: whoever stops waiting does not free a processor that still computes.
        let computed = tokio::task::spawn_blocking(move || {
            let done = work(&hasher.argon2, &hasher.decoy);
            drop((permit, admitted));
            done
        });
        computed.await?
    }
}

fn same_costs(one: &Params, other: &Params) -> bool {
    (one.m_cost(), one.t_cost(), one.p_cost()) == (other.m_cost(), other.t_cost(), other.p_cost())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::KeySecret;

    const CHEAP: Config = Config { memory: 8, iterations: 1, parallelism: 1, threads: 1, queue: 1 };

    fn vault() -> Vault {
        Vault::new(&KeySecret::parse(&"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=".into()).unwrap()).unwrap()
    }

    fn hasher(config: Config) -> Hasher {
        Hasher::new(&config, &vault()).unwrap()
    }

    async fn check(hasher: &Hasher, password: &str, hash: Option<&str>) -> Checked {
        hasher.place().unwrap().check(password.into(), hash.map(str::to_owned)).await.unwrap()
    }

    #[tokio::test]
    async fn only_the_password_itself_is_right() {
        let hasher = hasher(CHEAP);
        let hash = hasher.place().unwrap().hash("right".into(), &vault()).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=8,t=1,p=1$"), "{hash}");
        assert_eq!(check(&hasher, "right", Some(&hash)).await, Checked { right: true, stale: false });
        assert_eq!(check(&hasher, "wrong", Some(&hash)).await, Checked { right: false, stale: false });
        assert!(!check(&hasher, "right", None).await.right);
    }

    #[tokio::test]
    async fn a_hash_with_other_costs_is_right_but_stale() {
        let hash = hasher(CHEAP).place().unwrap().hash("right".into(), &vault()).await.unwrap();
        let dearer = hasher(Config { iterations: 2, ..CHEAP });
        assert_eq!(check(&dearer, "right", Some(&hash)).await, Checked { right: true, stale: true });
    }

    #[tokio::test]
    async fn one_hash_is_never_like_another() {
        let hasher = hasher(CHEAP);
        let one = hasher.place().unwrap().hash("same".into(), &vault()).await.unwrap();
        let other = hasher.place().unwrap().hash("same".into(), &vault()).await.unwrap();
        assert_ne!(one, other);
    }

    #[tokio::test]
    async fn a_full_queue_refuses_at_once_and_a_free_place_is_given_again() {
        let hasher = hasher(CHEAP);
        let (one, two) = (hasher.place().unwrap(), hasher.place().unwrap());
        assert_eq!(hasher.place().err(), Some(Full));
        drop(one);
        assert!(hasher.place().is_ok());
        drop(two);
    }

    #[test]
    fn impossible_costs_are_refused() {
        assert!(Hasher::new(&Config { memory: 1, ..CHEAP }, &vault()).is_err());
    }
}
