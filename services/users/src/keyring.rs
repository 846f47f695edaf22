//! The signing keys in memory, and the access tokens that they sign. Which key signs when is the law's; `flows/rotate_keys`
//! keeps this the same as the database.

use std::sync::{Arc, PoisonError, RwLock};

use auth::{BadKey, Claims, Jwk, Jwks, Person, Signer};
use time::{Date, Duration, OffsetDateTime};

use crate::{
    domain::{id::SessionId, role::Permission, signing_key::State, user::User},
    store::signing_keys::SealedKey,
    vault::{CannotOpen, Vault},
};

/// Signs access tokens with the active key.
pub struct Keyring {
    issuer: String,
    lifetime: Duration,
    signer: RwLock<Option<Arc<Signer>>>,
}

/// The keys were never loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is no key to sign access tokens with")]
pub struct NoKey;

/// A stored key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    #[error("signing key {0} stays sealed")]
    Sealed(String, #[source] CannotOpen),
    #[error("signing key {0} is damaged")]
    Damaged(String, #[source] BadKey),
}

impl Keyring {
    /// A ring without keys, for tokens of this issuer that live so long.
    pub fn new(issuer: String, lifetime: Duration) -> Self {
        Self { issuer, lifetime, signer: RwLock::default() }
    }

    /// How long an access token lives.
    pub fn lifetime(&self) -> Duration {
        self.lifetime
    }

    fn signer(&self) -> Option<Arc<Signer>> {
        self.signer.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether a key was loaded.
    pub fn can_sign(&self) -> bool {
        self.signer().is_some()
    }

    /// Takes over which of the stored keys signs.
    pub fn load(&self, keys: &[SealedKey], vault: &Vault) -> Result<(), Unusable> {
        let Some(active) = keys.iter().find(|key| matches!(key.state, State::Active { .. })) else { return Ok(()) };
        if self.signer().is_some_and(|signer| signer.kid() == active.name) {
            return Ok(());
        }
        let private =
            vault.open(&active.name, &active.sealed).map_err(|why| Unusable::Sealed(active.name.clone(), why))?;
        let signer =
            Signer::from_pkcs8(&active.name, &private).map_err(|why| Unusable::Damaged(active.name.clone(), why))?;
        *self.signer.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(signer));
        Ok(())
    }

    /// Makes a new key, named after its public half.
    pub fn generate(&self, vault: &Vault, state: State) -> anyhow::Result<SealedKey> {
        let private = Signer::generate()?;
        let public = Signer::from_pkcs8("unnamed", &private)?.public_jwk();
        let name = public.thumbprint();
        let sealed = vault.seal(&name, &private)?;
        Ok(SealedKey { name, state, public_key: public.x(), sealed })
    }

    /// The access token of a session, with what the person may do today.
    pub fn sign(&self, user: &User, session: SessionId, today: Date, now: OffsetDateTime) -> Result<String, NoKey> {
        let signer = self.signer().ok_or(NoKey)?;
        let person = Person {
            user: user.id.uuid(),
            session: session.uuid(),
            roles: user.roles.names(),
            permissions: user.permissions(today).into_iter().map(Permission::as_str).map(str::to_owned).collect(),
            amr: vec!["pwd".to_owned()],
            org: None,
        };
        Ok(signer.sign(&Claims::new(&self.issuer, &person, now, self.lifetime.unsigned_abs())))
    }
}

/// The public halves of every stored key: with each of them a token may be signed that is still alive, or soon.
pub fn published(keys: &[SealedKey]) -> anyhow::Result<Jwks> {
    let keys: Result<Vec<Jwk>, _> = keys.iter().map(|key| Jwk::new(&key.name, &key.public_key)).collect();
    Ok(Jwks::new(keys?)?)
}
