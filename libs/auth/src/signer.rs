//! Issuing tokens for people.

use crate::{AUDIENCE, Jwk, Person, jws, names::PERSON_TYPE};
use ring::{
    rand::SystemRandom,
    signature::{Ed25519KeyPair, KeyPair},
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::{fmt, time::Duration};
use time::OffsetDateTime;
use uuid::Uuid;

/// What a person's token says, in OAuth's shape (RFC 9068).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Who issued it: the public address of the school's sign-in.
    pub iss: String,
    /// For whom: [`AUDIENCE`].
    pub aud: String,
    /// The account.
    pub sub: Uuid,
    /// The session.
    pub sid: Uuid,
    /// The organisation for which the person acts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub org: Option<Uuid>,
    /// How the person proved who they are (RFC 8176).
    #[serde(default)]
    pub amr: Vec<String>,
    /// The roles.
    #[serde(default)]
    pub roles: Vec<String>,
    /// The permissions, separated by spaces.
    #[serde(default)]
    pub scope: String,
    /// When it was issued, in Unix seconds.
    pub iat: i64,
    /// From when on it is worth nothing, in Unix seconds.
    pub exp: i64,
    /// The token's own id, where somebody needs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jti: Option<Uuid>,
}

impl Claims {
    /// The claims of a token that makes its bearer this person for so long.
    pub fn new(issuer: &str, person: &Person, now: OffsetDateTime, lifetime: Duration) -> Self {
        let iat = now.unix_timestamp();
        Self {
            iss: issuer.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: person.user,
            sid: person.session,
            org: person.org,
            amr: person.amr.clone(),
            roles: person.roles.clone(),
            scope: person.permissions.join(" "),
            iat,
            exp: iat.saturating_add_unsigned(lifetime.as_secs()),
            jti: None,
        }
    }

    /// The person that these claims describe.
    pub(crate) fn person(self) -> Person {
        Person {
            user: self.sub,
            session: self.sid,
            roles: self.roles,
            permissions: self.scope.split_whitespace().map(str::to_owned).collect(),
            amr: self.amr,
            org: self.org,
        }
    }
}

/// A private key that is not an Ed25519 key in PKCS#8.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected an Ed25519 private key in PKCS#8")]
pub struct BadKey;

/// A private key with which people's tokens are signed. It cannot be printed.
pub struct Signer {
    kid: String,
    key: Ed25519KeyPair,
    public: Jwk,
}

impl Signer {
    /// A fresh private key in PKCS#8, to be sealed by whoever keeps it. Fails only when the machine has no randomness
    /// to give.
    pub fn generate() -> Result<Vec<u8>, BadKey> {
        let key = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).map_err(|_| BadKey)?;
        Ok(key.as_ref().to_vec())
    }

    /// Takes a private key in PKCS#8 (with or without its public half, as `openssl genpkey` writes it) under an id of
    /// 1 to 64 visible ASCII characters.
    pub fn from_pkcs8(kid: &str, pkcs8: &[u8]) -> Result<Self, BadKey> {
        let key = Ed25519KeyPair::from_pkcs8_maybe_unchecked(pkcs8).map_err(|_| BadKey)?;
        let x = key.public_key().as_ref().try_into().map_err(|_| BadKey)?;
        let public = Jwk::of_bytes(kid, x).map_err(|_| BadKey)?;
        Ok(Self { kid: kid.to_owned(), key, public })
    }

    /// The key's id.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The public half, for everybody who checks tokens.
    pub fn public_jwk(&self) -> Jwk {
        self.public.clone()
    }

    /// A signed token that says this.
    pub fn sign(&self, claims: &Claims) -> String {
        jws::sign(&self.key, &self.kid, PERSON_TYPE, &json!(claims))
    }

    /// A signed token of another sort.
    pub(crate) fn sign_as(&self, typ: &str, claims: &serde_json::Value) -> String {
        jws::sign(&self.key, &self.kid, typ, claims)
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Signer").field("kid", &self.kid).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::{Engine, prelude::BASE64_STANDARD};

    #[test]
    fn a_key_of_openssl_is_taken() {
        // openssl genpkey -algorithm ed25519 -outform der, with the private key of RFC 8037, appendix A.
        let der = "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g";
        let signer = Signer::from_pkcs8("k", &BASE64_STANDARD.decode(der).unwrap()).unwrap();
        assert_eq!(signer.public_jwk().x(), "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
        assert!(!format!("{signer:?}").contains("key"));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        assert!(Signer::from_pkcs8("k", b"").is_err());
        assert!(Signer::from_pkcs8("k", &[7; 48]).is_err());
        assert!(Signer::from_pkcs8("", &Signer::generate().unwrap()).is_err());
        assert!(Signer::from_pkcs8("k", &Signer::generate().unwrap()).is_ok());
    }
}
